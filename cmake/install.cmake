# The library as programs outside use it: libtransept.so with the public headers, for CMake
# (find_package(transept)) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(objects "")
set(modules ${TRANSEPT_MODULES})
list(REMOVE_ITEM modules vocab serve compare bench)  # the command's alone: the library needs no SentencePiece, sockets or TLS
foreach(module ${modules})
  list(APPEND objects $<TARGET_OBJECTS:transept_${module}>)
endforeach()
add_library(transept_library SHARED ${objects})
add_library(transept::transept ALIAS transept_library)
set_target_properties(transept_library PROPERTIES OUTPUT_NAME transept EXPORT_NAME transept LINKER_LANGUAGE CXX
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(transept_library PRIVATE fmt::fmt simdjson::simdjson OpenSSL::Crypto Threads::Threads ICU::uc ICU::i18n)
target_include_directories(transept_library INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(transept_library INTERFACE cxx_std_20)

install(TARGETS transept_library EXPORT transept LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/transept DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT transept NAMESPACE transept:: FILE transept-config.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/transept)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/transept-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/transept-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/transept)
file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)  # the files may be moved together
string(REGEX REPLACE "/$" "" up ${up})
configure_file(cmake/transept.pc.in transept.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/transept.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
