# Writes OUTPUT, a C++ file with every file of FOLDER as bytes. Run at build time:
#   cmake -D FOLDER=web -D OUTPUT=web_files.cpp -P embed.cmake
file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(arrays "")
set(entries "")
set(index 0)
foreach(file IN LISTS files)
  if(file MATCHES "\\.html$")
    set(type "text/html; charset=utf-8")
  elseif(file MATCHES "\\.m?js$")
    set(type "text/javascript; charset=utf-8")
  elseif(file MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(file MATCHES "\\.svg$")
    set(type "image/svg+xml")
  elseif(file MATCHES "\\.png$")
    set(type "image/png")
  elseif(file MATCHES "\\.json$")
    set(type "application/json")
  else()
    continue()
  endif()
  file(READ ${FOLDER}/${file} hex HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char file_${index}[] = {${bytes}'\\0'};\n")
  string(APPEND entries "    {\"${file}\", \"${type}\", {file_${index}, sizeof file_${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "// Made by cmake/embed.cmake.
#include \"serve/web_files.h\"

#include <vector>

namespace transept::serve {
namespace {
${arrays}
const std::vector<WebFile> files = {
${entries}};
}  // namespace

const WebFile* find_web_file(std::string_view path) {
  if (path.substr(0, 4) == \"web/\") path.remove_prefix(4);
  for (const WebFile& file : files)
    if (file.path == path) return &file;
  return nullptr;
}

}  // namespace transept::serve
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
