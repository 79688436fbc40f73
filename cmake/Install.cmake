# `cmake --install build/release --prefix /usr` puts Facteur where Debian's rules want it, and what plugin authors need with it.
include(GNUInstallDirs)
set(FACTEUR_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/facteur/plugins)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(FACTEUR_PLUGIN_DIR lib/facteur/plugins) # server.plugin_dir's default
endif()

install(TARGETS facteur facteurctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# sendmail, mailq and newaliases: links into PATH are the packager's (or update-alternatives') choice.
install(PROGRAMS $<TARGET_FILE:facteur-sendmail> DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/facteur RENAME sendmail)
foreach(name mailq newaliases)
  install(CODE "file(MAKE_DIRECTORY \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_LIBEXECDIR}/facteur\")
    file(CREATE_LINK sendmail \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_LIBEXECDIR}/facteur/${name}\" SYMBOLIC)")
endforeach()
foreach(plugin ${FCT_SHIPPED_PLUGINS})
  install(TARGETS plugin_${plugin} LIBRARY DESTINATION ${FACTEUR_PLUGIN_DIR})
  if(EXISTS ${CMAKE_SOURCE_DIR}/plugins/${plugin}/${plugin}.conf) # to copy into conf.d and edit
    install(FILES plugins/${plugin}/${plugin}.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/facteur/plugins)
  endif()
endforeach()
install(FILES plugins/recommended.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/facteur/plugins)
install(DIRECTORY lua/lib lua/filters DESTINATION ${CMAKE_INSTALL_DATADIR}/facteur/lua)
install(DIRECTORY conf.d DESTINATION ${CMAKE_INSTALL_DATADIR}/facteur)

# For plugin authors: the headers, pkg-config's file, CMake's package. The same package serves from the build folder, uninstalled.
install(DIRECTORY include/facteur DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(FACTEUR_INCLUDE_DIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/facteur-plugin.pc.in cmake/facteur-plugin.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cmake/facteur-plugin.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/FacteurConfigVersion.cmake COMPATIBILITY SameMajorVersion)
set(FACTEUR_INCLUDE_DIR "\${CMAKE_CURRENT_LIST_DIR}/../../../${CMAKE_INSTALL_INCLUDEDIR}")
set(FACTEUR_BIN_DIR "\${CMAKE_CURRENT_LIST_DIR}/../../../${CMAKE_INSTALL_BINDIR}")
configure_file(cmake/FacteurConfig.cmake.in cmake/installed/FacteurConfig.cmake @ONLY)
set(FACTEUR_INCLUDE_DIR ${CMAKE_SOURCE_DIR}/include)
set(FACTEUR_BIN_DIR ${CMAKE_BINARY_DIR})
configure_file(cmake/FacteurConfig.cmake.in cmake/FacteurConfig.cmake @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cmake/installed/FacteurConfig.cmake ${CMAKE_BINARY_DIR}/cmake/FacteurConfigVersion.cmake
  DESTINATION lib/cmake/Facteur)
