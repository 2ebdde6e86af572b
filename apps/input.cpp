#include "input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "output.h"

namespace transept::cli {

namespace {

// A line of more bytes is none: a device that never ends, a file that is no text.
constexpr size_t kMostBytes = size_t{256} << 20;

}  // namespace

LineReader::LineReader(int descriptor, std::string name, bool owned, bool keep_returns)
    : descriptor_(descriptor), name_(std::move(name)), owned_(owned), keep_returns_(keep_returns) {}

LineReader::~LineReader() {
  if (owned_) ::close(descriptor_);
}

bool LineReader::fill() {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  constexpr size_t kChunk = size_t{1} << 16;
  const size_t old = buffer_.size();
  check(old <= kMostBytes, ErrorCode::limit,
        "{}: line {} has more than {} MiB; is it text, with line breaks?", name_, line_ + 1,
        kMostBytes >> 20);
  buffer_.resize(old + kChunk);
  for (;;) {
    const ssize_t n = ::read(descriptor_, buffer_.data() + old, kChunk);
    if (n < 0 && errno == EINTR) continue;
    buffer_.resize(old + static_cast<size_t>(n > 0 ? n : 0));
    check(n >= 0, ErrorCode::io, "{}: cannot read: {}", name_, std::strerror(errno));
    return n > 0;
  }
}

std::optional<std::string> LineReader::next() {
  for (;;) {
    const size_t newline = buffer_.find('\n', scanned_);
    if (newline != std::string::npos) {
      std::string line = line_of(std::string_view(buffer_).substr(begin_, newline - begin_), true);
      begin_ = scanned_ = newline + 1;
      ++line_;
      return line;
    }
    scanned_ = buffer_.size();
    if (at_end_ || !fill()) break;
  }
  at_end_ = true;
  if (begin_ == buffer_.size()) return std::nullopt;
  if (line_ == 0 && without_mark(buffer_).empty()) return std::nullopt;  // nothing but the mark
  std::string line = line_of(std::string_view(buffer_).substr(begin_), false);
  begin_ = scanned_ = buffer_.size();
  ++line_;
  return line;
}

std::string LineReader::line_of(std::string_view bytes, bool has_end) const {
  if (line_ == 0) bytes = without_mark(bytes);
  return std::string(has_end && !keep_returns_ ? without_return(bytes) : bytes);
}

bool LineReader::is_ready() {
  for (;;) {
    if (at_end_ || buffer_.find('\n', scanned_) != std::string::npos) return true;
    scanned_ = buffer_.size();
    pollfd ready{descriptor_, POLLIN, 0};
    if (::poll(&ready, 1, 0) <= 0) return false;
    if (!fill()) at_end_ = true;
  }
}

std::string LineReader::rest() {
  while (!at_end_ && fill()) {
  }
  at_end_ = true;
  const std::string_view bytes = std::string_view(buffer_).substr(begin_);
  std::string all = keep_returns_ ? std::string(without_mark(bytes)) : plain_text(bytes);
  buffer_.clear();
  begin_ = scanned_ = 0;
  return all;
}

std::unique_ptr<LineReader> open_lines(const std::string& path, bool keep_returns) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int error = errno;
  check(descriptor >= 0, error == ENOENT ? ErrorCode::not_found : ErrorCode::io,
        "{}: cannot open the input file: {}", path, std::strerror(error));
  return std::make_unique<LineReader>(descriptor, path, true, keep_returns);
}

void InputOptions::declare(Options& options) {
  options.text("input", "TEXT", input, "the input text");
  options.text("input-file", "FILE", input_file, "read the input from a file");
  options.ids("source-ids", source_ids, ids,
              "the input is token ids separated by spaces, not text");
  declare_keep_cr(options);
}

void InputOptions::declare_keep_cr(Options& options) {
  options.flag("keep-cr", keep_returns,
               "a carriage return before a line's end is text; without it it is dropped");
}

Lines::Lines(const InputOptions& input, Options& options, bool quiet) {
  const std::string chosen = options.one_of({"input", "input-file"});
  if (!input.ids.empty()) {
    check(chosen.empty(), ErrorCode::usage,
          "--source-ids {}: the input is given twice; leave out --{}", input.ids, chosen);
    only_ = Line{input.ids, "--source-ids"};
  } else if (chosen == "input") {
    only_ = Line{input.input, "--input"};
  } else if (chosen == "input-file") {
    reader_ = open_lines(input.input_file, input.keep_returns);
  } else {
    if (is_terminal(STDIN_FILENO) && !quiet)
      message("transept: reading the keyboard, one text per line; Ctrl-D ends");
    reader_ =
        std::make_unique<LineReader>(STDIN_FILENO, "standard input", false, input.keep_returns);
  }
}

std::vector<Line> Lines::next(size_t most) {
  std::vector<Line> lines;
  if (only_) {
    lines.push_back(std::move(*only_));
    only_.reset();
    return lines;
  }
  constexpr size_t kMostAtOnce = size_t{4} << 20;  // bytes
  size_t bytes = 0;
  while (reader_ && lines.size() < most && bytes < kMostAtOnce) {
    if (!lines.empty() && !reader_->is_ready()) break;
    std::optional<std::string> text = reader_->next();
    if (!text) break;
    bytes += text->size();
    lines.push_back(
        {std::move(*text), fmt::format("{}, line {}", reader_->name(), reader_->line_number())});
  }
  if (lines.empty()) reader_.reset();
  return lines;
}

Line Lines::document() {
  if (only_) return *only_;
  Line line{reader_->rest(), reader_->name()};
  if (!line.text.empty() && line.text.back() == '\n') line.text.pop_back();
  return line;
}

void check_text(std::string_view text) {
  const size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string::npos)
    fail(ErrorCode::bad_data, "byte {} (0x{:02x}) is not UTF-8; convert the text to UTF-8",
         invalid + 1, static_cast<unsigned char>(text[invalid]));
  const size_t nul = text.find('\0');
  check(nul == std::string::npos, ErrorCode::bad_data,
        "byte {} is NUL, so this is not text; UTF-16 or a binary file?", nul + 1);
}

}  // namespace transept::cli
