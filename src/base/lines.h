// Texts as files have them: a byte order mark at the beginning, lines that end with CR LF, lines
// with nothing on them. One rule for everything that reads lines.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace transept {

// Without the byte order mark (U+FEFF) that a file may begin with; anywhere else it is text.
[[nodiscard]] std::string_view without_mark(std::string_view file);
// A line's text: without the carriage return that stood before its line feed.
[[nodiscard]] std::string_view without_return(std::string_view line);
// A file's text with LF for every CR LF, and without its mark.
[[nodiscard]] std::string plain_text(std::string_view file);

// Calls f for every line of a file, numbered from 1; a last line without a line feed counts. A
// carriage return before a line feed is no part of the line, unless `keep_returns`.
void each_line(std::string_view file, bool keep_returns,
               const std::function<void(std::string_view line, size_t number)>& f);

// Nothing but white space (Unicode's White_Space), or nothing at all.
[[nodiscard]] bool is_blank(std::string_view text);

}  // namespace transept
