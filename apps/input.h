// Where texts come from: --input, --input-file or stdin, line by line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "options.h"

namespace transept::cli {

// Lines of a file, pipe or device, read piece by piece. A byte order mark at the beginning is no
// part of the text, nor is a carriage return before a line feed unless it is to be kept.
class LineReader {
 public:
  LineReader(int descriptor, std::string name, bool owned, bool keep_returns = false);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line, or nothing at the end. Waits for it. Error limit for a line that goes on and on.
  [[nodiscard]] std::optional<std::string> next();
  // Whether next() would return without waiting: a whole line or the end is there.
  [[nodiscard]] bool is_ready();
  // All of it, with LF for every line's end.
  [[nodiscard]] std::string rest();
  [[nodiscard]] std::int64_t line_number() const { return line_; }  // of the last line, from 1
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  bool fill();  // reads once; false at the end
  [[nodiscard]] std::string line_of(std::string_view bytes, bool has_end) const;
  int descriptor_;
  std::string name_;
  bool owned_;
  bool keep_returns_;
  bool at_end_ = false;
  std::string buffer_;
  size_t begin_ = 0;    // of what is not yet handed out
  size_t scanned_ = 0;  // no newline before this
  std::int64_t line_ = 0;
};

// Of a file. Error not_found or io.
[[nodiscard]] std::unique_ptr<LineReader> open_lines(const std::string& path,
                                                     bool keep_returns = false);

struct Line {
  std::string text;
  std::string where;  // "--input" or "x.txt, line 12": for messages
};

struct InputOptions {
  std::string input;
  std::string input_file;
  bool source_ids = false;
  std::string ids;  // carried by --source-ids itself
  bool keep_returns = false;

  void declare(Options& options);
  void declare_keep_cr(Options& options);  // a part of declare()
};

// The input lines that the options name.
class Lines {
 public:
  Lines(const InputOptions& input, Options& options, bool quiet);
  // Waits for a line, then takes what is there without waiting, up to `most`. Empty at the end.
  [[nodiscard]] std::vector<Line> next(size_t most);
  // All of it as one text: a document keeps its newlines, but for one at the very end.
  [[nodiscard]] Line document();

 private:
  std::optional<Line> only_;  // --input
  std::unique_ptr<LineReader> reader_;
};

// Error bad_data if the text cannot be one: malformed UTF-8, NUL bytes.
void check_text(std::string_view text);

}  // namespace transept::cli
