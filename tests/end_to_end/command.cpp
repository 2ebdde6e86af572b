#include "end_to_end/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/folder_testing.h"

namespace transept::testing {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

[[noreturn]] void become(const Command& command, Pipe& in, Pipe& out, Pipe& err) {
  dup2(in.ends[0], STDIN_FILENO);
  const int file =
      command.output_file.empty() ? out.ends[1] : ::open(command.output_file.c_str(), O_WRONLY);
  dup2(file, STDOUT_FILENO);
  dup2(err.ends[1], STDERR_FILENO);
  for (const auto& [name, value] : command.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> words = command.arguments;
  words.insert(words.begin(), TRANSEPT_COMMAND);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(TRANSEPT_COMMAND, pointers.data());
  _exit(127);
}

// Feeds stdin and collects both outputs until they are closed.
void converse(const Command& command, Pipe& in, Pipe& out, Pipe& err, pid_t child, Result& result) {
  size_t fed = 0;
  bool interrupted = false;
  for (;;) {
    pollfd polls[3] = {
        {out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}};
    if (polls[0].fd < 0 && polls[1].fd < 0) return;
    if (fed == command.input.size() && !command.interrupt_after_a_line) in.close_end(1);
    if (fed == command.input.size()) polls[2].fd = -1;
    poll(polls, 3, 20'000);
    if ((polls[2].revents & (POLLOUT | POLLERR)) != 0) {
      const ssize_t n = ::write(in.ends[1], command.input.data() + fed, command.input.size() - fed);
      fed = n > 0 ? fed + static_cast<size_t>(n) : command.input.size();
    }
    char buffer[65536];
    for (const int i : {0, 1}) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      const ssize_t n = ::read(polls[i].fd, buffer, sizeof buffer);
      if (n > 0) (i == 0 ? result.out : result.err).append(buffer, static_cast<size_t>(n));
      if (n <= 0) (i == 0 ? out : err).close_end(0);
    }
    if (command.interrupt_after_a_line && !interrupted &&
        result.out.find('\n') != std::string::npos) {
      kill(child, SIGINT);
      interrupted = true;
    }
  }
}

const std::string& scratch_folder() {
  static const TemporaryFolder folder;
  static const std::string path = folder.path();
  return path;
}

}  // namespace

Result Command::run() const {
  signal(SIGPIPE, SIG_IGN);
  Pipe in;
  Pipe out;
  Pipe err;
  Result result;
  if (close_output) out.close_end(0);
  const pid_t child = fork();
  if (child == 0) become(*this, in, out, err);
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  converse(*this, in, out, err, child, result);
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string model(const std::string& name) {
  return std::string(TRANSEPT_FIXTURES) + "/models/" + name;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

std::string scratch(const std::string& name) {
  return scratch_folder() + "/" + name;
}

void write(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

std::string read(const std::string& path) {
  std::ostringstream contents;
  contents << std::ifstream(path, std::ios::binary).rdbuf();
  return contents.str();
}

}  // namespace transept::testing
