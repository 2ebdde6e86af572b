// The files of web/, which are part of the library (cmake/embed.cmake).
#pragma once

#include <vector>

#include "base/file.h"

namespace transept {

[[nodiscard]] std::vector<EmbeddedFile> web_files();

}  // namespace transept
