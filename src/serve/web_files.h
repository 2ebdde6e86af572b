// The files of web/, embedded in the binary by cmake/embed.cmake.
#pragma once

#include <string_view>

namespace transept::serve {

struct WebFile {
  std::string_view path;  // below web/: "index.html"; below "/" they are served as /web/…
  std::string_view content_type;
  std::string_view bytes;
};

// By "index.html" or "web/app.js"; null if there is none.
[[nodiscard]] const WebFile* find_web_file(std::string_view path);

}  // namespace transept::serve
