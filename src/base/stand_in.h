// What people have in place of the file or the folder that should be read. A reader that fails says
// so in one line: what it is, where, what to do.
#pragma once

#include <filesystem>
#include <string_view>

namespace transept {

// Error bad_data if the contents are a Git LFS pointer or a page of a web site, unsupported if they
// are GGUF; nothing else. A glance at the first bytes.
void check_not_stand_in(std::string_view contents, std::string_view name);

// For a path where no model was found. Error not_found or unsupported if what is there instead is
// known: the top of a hub cache, an adapter, a variant, another format, a text, a name on the hub,
// a file. Who asks says what is missing if nothing is.
void check_not_stand_in_folder(const std::filesystem::path& path);

}  // namespace transept
