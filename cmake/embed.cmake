# transept_embed(TARGET HEADER FUNCTION FOLDER PATTERN…): the files of FOLDER that match become part of TARGET. FUNCTION, which HEADER
# declares, returns them as std::vector<EmbeddedFile>, in a folder whose name no disk has. The assembler includes each file's bytes as
# they are.
function(transept_embed target header function folder)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/${folder}/ OUTPUT_VARIABLE patterns)
  file(GLOB files CONFIGURE_DEPENDS ${patterns})
  get_filename_component(place ${folder} NAME)
  set(symbols "")
  set(entries "")
  set(index 0)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME)
    set(symbol ${function}_${index})
    string(APPEND symbols "asm(\".section .rodata\\n.balign 64\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n${symbol}_end:\\n.previous\");\n"
                          "extern \"C\" const std::byte ${symbol}[], ${symbol}_end[];\n")
    string(APPEND entries "    {\"<embedded>/${place}\", \"${name}\", {${symbol}, ${symbol}_end}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  set(source ${PROJECT_BINARY_DIR}/${function}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "// Made by cmake/embed.cmake.
#include \"@header@\"

@symbols@
namespace transept {

std::vector<EmbeddedFile> @function@() {
  return {
@entries@  };
}

}  // namespace transept
")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${source})
endfunction()
