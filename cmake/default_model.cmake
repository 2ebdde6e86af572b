# models/default, embedded in transept_api: the assembler includes each file's bytes as they are.
set(folder ${PROJECT_SOURCE_DIR}/models/default)
file(GLOB files CONFIGURE_DEPENDS ${folder}/*.json ${folder}/*.safetensors)
set(symbols "")
set(entries "")
set(index 0)
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  string(APPEND symbols "asm(\".section .rodata\\n.balign 64\\nfile_${index}:\\n.incbin \\\"${file}\\\"\\nfile_${index}_end:\\n.previous\");\n"
                        "extern \"C\" const std::byte file_${index}[], file_${index}_end[];\n")
  string(APPEND entries "    {\"default model\", \"${name}\", {file_${index}, file_${index}_end}},\n")
  math(EXPR index "${index} + 1")
endforeach()
set(source ${PROJECT_BINARY_DIR}/default_model_files.cpp)
file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "// Made by cmake/default_model.cmake.
#include \"api/default_model.h\"

@symbols@
namespace transept {

std::vector<EmbeddedFile> default_model_files() {
  return {
@entries@  };
}

}  // namespace transept
")
set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
target_sources(transept_api PRIVATE ${source})
