// LogWriter: lines on stderr that nobody waits for. A thread of its own writes them from a bounded
// queue; what does not fit, because stderr is a pipe that nobody reads, is counted and said later.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace transept::cli {

class LogWriter {
 public:
  // `dropped_line` makes the line that says how many were dropped.
  using DroppedLine = std::function<std::string(std::int64_t n)>;
  LogWriter(int descriptor, DroppedLine dropped_line);
  ~LogWriter();  // writes what can be written within a moment
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void line(std::string_view text);              // any thread; never waits for the reader
  [[nodiscard]] std::int64_t n_dropped() const;  // since the beginning

 private:
  void run();
  [[nodiscard]] std::string next();  // waits; empty at the end
  [[nodiscard]] bool write(std::string_view text);
  [[nodiscard]] bool is_over() const;

  int descriptor_;
  DroppedLine dropped_line_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> lines_;  // under mutex_, as all below
  std::size_t bytes_ = 0;          // of lines_
  std::int64_t dropped_ = 0;
  std::int64_t said_ = 0;  // of dropped_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace transept::cli
