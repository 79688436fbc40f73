/* context.h - a stack and the place where its code continues: the machine part of a fiber.
 *
 * x86-64 saves the registers the ABI asks for and nothing else (about 5 ns); other processors use
 * ucontext, whose switch costs a system call for the signal mask. Carries the notes that ASan and
 * valgrind need to follow. For this folder only. */
#ifndef CORE_FIBER_CONTEXT_H
#define CORE_FIBER_CONTEXT_H

#include <facteur/base.h>

#if !defined(__x86_64__) && !defined(CONTEXT_UCONTEXT)
#define CONTEXT_UCONTEXT
#endif
#ifdef CONTEXT_UCONTEXT
#include <ucontext.h>
#endif

struct context {
#ifdef CONTEXT_UCONTEXT
    ucontext_t registers;
#else
    void *stack_pointer;
#endif
    const void
        *bottom; /* lowest usable address; NULL for the loop's own stack until it is learnt */
    size_t size;
    void *fake_stack; /* ASan's */
    unsigned valgrind_id;
};

/* The next switch to it calls entry(), which must never return. `bottom` and `size` as of
 * stack_new. */
void context_make(struct context *c, void *bottom, size_t size, void (*entry)(void));
/* First statement of every entry function. */
void context_entered(void);
/* `last`: from will never run again. */
void context_switch(struct context *from, struct context *to, bool last);

/* A guarded stack: a fault, not a silent overwrite, when it overflows. NULL with errno. */
void *stack_new(size_t size, unsigned *valgrind_id);
void stack_free(void *bottom, size_t size, unsigned valgrind_id);

#endif
