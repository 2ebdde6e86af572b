# The playground's files, embedded in transept_serve. CMake alone does it.
file(GLOB web_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/*)
set(web_source ${PROJECT_BINARY_DIR}/web_files.cpp)
add_custom_command(OUTPUT ${web_source}
                   COMMAND ${CMAKE_COMMAND} -D FOLDER=${PROJECT_SOURCE_DIR}/web -D OUTPUT=${web_source}
                           -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
                   DEPENDS ${web_files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
                   COMMENT "Embedding web/")
target_sources(transept_serve PRIVATE ${web_source})
target_compile_definitions(transept_serve PRIVATE BOOST_ASIO_NO_DEPRECATED)
