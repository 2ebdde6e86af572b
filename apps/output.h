// Where data goes: stdout (or a descriptor), whole lines at a time.
#pragma once

#include <string>
#include <string_view>

namespace transept::cli {

// The reader of a pipe has gone: not a failure, the command just ends.
struct ClosedPipe {};

class Output {
 public:
  explicit Output(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() = default;

  void write(std::string_view text) { buffer_ += text; }
  void line(std::string_view text) {
    buffer_ += text;
    buffer_ += '\n';
  }
  // Error io, or ClosedPipe. Ctrl-C takes effect between lines, never inside one.
  void flush();

 private:
  int descriptor_;
  std::string name_;
  std::string buffer_;
};

[[nodiscard]] Output& standard_output();

// A line of output stays a line: newlines inside a text become spaces (jsonl keeps them).
[[nodiscard]] std::string one_line(std::string text);

// One line on stderr; lost silently if stderr is closed.
void message(std::string_view text);
// A line on stderr that the next one overwrites; only on a terminal.
void progress(std::string_view text);
void end_progress();

[[nodiscard]] bool is_terminal(int descriptor);
[[nodiscard]] int terminal_width();  // columns, 100 where unknown

// Ctrl-C: leave at once with code 130, but not inside a Guard (a line or a file being written). A
// second one leaves at once everywhere. A file that reaches a size limit is an error, no signal.
void handle_signals();
// Has Ctrl-C been pressed? For what holds a Guard and wants to end in good order.
[[nodiscard]] bool is_interrupted();
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

}  // namespace transept::cli
