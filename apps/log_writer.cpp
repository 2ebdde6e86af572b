#include "log_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace transept::cli {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // that wait
constexpr std::size_t kPiece = PIPE_BUF;  // a pipe that is ready takes this much without blocking
constexpr int kLookMs = 100;              // how often a writer that waits looks whether it is over

}  // namespace

LogWriter::LogWriter(int descriptor, DroppedLine dropped_line)
    : descriptor_(descriptor), dropped_line_(std::move(dropped_line)) {
  thread_ = std::thread([this] { run(); });
}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LogWriter::line(std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes_ + text.size() > kMostBytes) {
      ++dropped_;
      return;
    }
    lines_.emplace_back(text);
    lines_.back() += '\n';
    bytes_ += lines_.back().size();
  }
  wake_.notify_one();
}

std::int64_t LogWriter::n_dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

bool LogWriter::is_over() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// The lines that were kept are older than those that were dropped: the count comes behind them.
std::string LogWriter::next() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !lines_.empty() || said_ < dropped_; });
  if (!lines_.empty()) {
    std::string text = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= text.size();
    return text;
  }
  if (said_ == dropped_) return "";
  const std::int64_t n = dropped_ - std::exchange(said_, dropped_);
  lock.unlock();
  return dropped_line_(n) + "\n";
}

void LogWriter::run() {
  for (std::string text = next(); !text.empty(); text = next())
    if (!write(text)) return;
}

// False when the server is over and nobody reads. A reader that has gone is no reason to stop: the
// lines are lost, as they are for whoever closed stderr.
bool LogWriter::write(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{descriptor_, POLLOUT, 0};
    const int n = poll(&ready, 1, kLookMs);
    if (n == 0 || (n < 0 && errno == EINTR)) {
      if (is_over()) return false;
      continue;
    }
    const ssize_t written = ::write(descriptor_, text.data(), std::min(text.size(), kPiece));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return true;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace transept::cli
