#include "ops/context.h"

#include <fmt/format.h>

namespace transept {

std::string Context::site_name(const char* what) const {
  std::string name = site.stack;
  if (site.layer >= 0) name += fmt::format(".{}", site.layer);
  if (site.part[0] != '\0') name += fmt::format(".{}", site.part);
  if (!name.empty()) name += '.';
  return name + what;
}

}  // namespace transept
