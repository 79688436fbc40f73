/* context.c - stacks and the switch between them. */
#include "core/fiber/context.h"

#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id)      (void)(id)
#endif

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

/* Who switched last: the newcomer completes the notes about it. */
static struct context *left;

#ifdef CONTEXT_UCONTEXT

static void set_registers(struct context *c, void *bottom, size_t size, void (*entry)(void))
{
    getcontext(&c->registers);
    c->registers.uc_stack.ss_sp = bottom;
    c->registers.uc_stack.ss_size = size;
    c->registers.uc_link = NULL;
    makecontext(&c->registers, entry, 0);
}

static void swap_registers(struct context *from, struct context *to)
{
    swapcontext(&from->registers, &to->registers);
}

#else

/* void context_swap(void **save, void *load): System V ABI: rbx, rbp, r12-r15, the x87 control word
 * and mxcsr survive a call. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl context_swap\n"
        ".hidden context_swap\n"
        ".type context_swap, @function\n"
        "context_swap:\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size context_swap, . - context_swap\n");
void context_swap(void **save, void *load);

/* What context_swap pops, in order, for a context that has never run. */
struct first_frame {
    uint32_t mxcsr;
    uint16_t x87, zero;
    uint64_t r15, r14, r13, r12, rbx, rbp;
    void (*entry)(void);
    uint64_t no_caller; /* ends back traces */
};

static void set_registers(struct context *c, void *bottom, size_t size, void (*entry)(void))
{
    char *top = (char *)bottom + size;
    struct first_frame frame = {.mxcsr = 0x1f80, .x87 = 0x037f, .entry = entry};

    top -= sizeof frame; /* entry() thus starts with stack pointer + 8 at a multiple of 16 */
    memcpy(top, &frame, sizeof frame);
    c->stack_pointer = top;
}

static void swap_registers(struct context *from, struct context *to)
{
    context_swap(&from->stack_pointer, to->stack_pointer);
}

#endif

void context_make(struct context *c, void *bottom, size_t size, void (*entry)(void))
{
    c->bottom = bottom;
    c->size = size;
    c->fake_stack = NULL;
#ifdef WITH_ASAN
    /* The former user's last frames never returned. */
    __asan_unpoison_memory_region(bottom, size);
#endif
    set_registers(c, bottom, size, entry);
}

static void arrived(void *fake_stack)
{
#ifdef WITH_ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    if (!left->bottom) {
        left->bottom = bottom;
        left->size = size;
    }
#else
    (void)fake_stack;
#endif
}

void context_entered(void)
{
    arrived(NULL);
}

void context_switch(struct context *from, struct context *to, bool last)
{
    left = from;
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->bottom, to->size);
#else
    (void)last;
#endif
    swap_registers(from, to);
    arrived(from->fake_stack);
}

/* What only a waiting fiber knows is not lost: the leak checker must look into its stack. */
static void leaks_look_into(void *bottom, size_t size, bool on)
{
#ifdef WITH_ASAN
    if (on)
        __lsan_register_root_region(bottom, size);
    else
        __lsan_unregister_root_region(bottom, size);
#else
    (void)bottom, (void)size, (void)on;
#endif
}

void *stack_new(size_t size, unsigned *valgrind_id)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, size + guard, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (mprotect(p, guard, PROT_NONE) != 0) {
        munmap(p, size + guard);
        return NULL;
    }
    *valgrind_id = (unsigned)VALGRIND_STACK_REGISTER(p + guard, p + guard + size);
    leaks_look_into(p + guard, size, true);
    return p + guard;
}

void stack_free(void *bottom, size_t size, unsigned valgrind_id)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);

    leaks_look_into(bottom, size, false);
    VALGRIND_STACK_DEREGISTER(valgrind_id);
    munmap((char *)bottom - guard, size + guard);
}
