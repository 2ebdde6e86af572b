#include "output.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace transept::cli {
namespace {

constexpr int kInterrupted = 130;

std::atomic<int> guards{0};
std::atomic<bool> interrupted{false};
static_assert(std::atomic<int>::is_always_lock_free);

void on_interrupt(int) {
  if (guards.load() == 0 || interrupted.load()) _exit(kInterrupted);
  interrupted.store(true);
}

bool progress_shown = false;

}  // namespace

void handle_signals() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGXFSZ, &ignore, nullptr);
  struct sigaction interrupt {};
  interrupt.sa_handler = on_interrupt;
  interrupt.sa_flags = SA_RESTART;
  sigaction(SIGINT, &interrupt, nullptr);
}

bool is_interrupted() {
  return interrupted.load();
}

InterruptGuard::InterruptGuard() {
  guards.fetch_add(1);
}

InterruptGuard::~InterruptGuard() {
  if (guards.fetch_sub(1) == 1 && interrupted.load()) _exit(kInterrupted);
}

void Output::flush() {
  const InterruptGuard guard;
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    const int error = errno;
    buffer_.clear();
    if (error == EPIPE) throw ClosedPipe{};
    fail(ErrorCode::io, "{}: cannot write: {}; make room or choose another place", name_,
         std::strerror(error));
  }
  buffer_.clear();
}

Output& standard_output() {
  static Output output(STDOUT_FILENO, "standard output");
  return output;
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

void message(std::string_view text) {
  end_progress();
  Output output(STDERR_FILENO, "standard error");
  output.line(text);
  try {
    output.flush();
  } catch (const ClosedPipe&) {
  } catch (const Error&) {
  }
}

void progress(std::string_view text) {
  if (!is_terminal(STDERR_FILENO)) return;
  std::string line = "\r\x1b[K";
  line += text;
  progress_shown = ::write(STDERR_FILENO, line.data(), line.size()) > 0;
}

void end_progress() {
  if (!progress_shown) return;
  progress("");
  progress_shown = false;
}

bool is_terminal(int descriptor) {
  return isatty(descriptor) == 1;
}

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS")) {
    const int n = std::atoi(columns);
    if (n > 0) return n;
  }
  return 100;
}

}  // namespace transept::cli
