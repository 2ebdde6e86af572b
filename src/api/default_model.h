// The files of the model that is part of the library (cmake/embed.cmake).
#pragma once

#include <vector>

#include "base/file.h"

namespace transept {

[[nodiscard]] std::vector<EmbeddedFile> default_model_files();

}  // namespace transept
