// Runs the transept command as a user would: arguments, stdin, environment; stdout, stderr, code.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace transept::testing {

struct Result {
  int code = -1;  // exit code; 128 + signal if it was killed
  std::string out;
  std::string err;
};

struct Command {
  std::vector<std::string> arguments;
  std::string input = {};  // stdin
  std::map<std::string, std::string> environment = {};
  std::string output_file = {};         // instead of collecting stdout: "/dev/full"
  bool close_output = false;            // the reader of the pipe goes away at once
  bool interrupt_after_a_line = false;  // keep stdin open; SIGINT when the first line is out

  [[nodiscard]] Result run() const;
};

[[nodiscard]] inline Result transept(std::vector<std::string> arguments, std::string input = {}) {
  return Command{.arguments = std::move(arguments), .input = std::move(input)}.run();
}

[[nodiscard]] std::string model(const std::string& name);  // a folder of tests/fixtures/models
[[nodiscard]] std::vector<std::string> lines(const std::string& text);
// A path in a fresh folder of this test program, removed at its end.
[[nodiscard]] std::string scratch(const std::string& name);
void write(const std::string& path, const std::string& contents);
[[nodiscard]] std::string read(const std::string& path);

}  // namespace transept::testing
