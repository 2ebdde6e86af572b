// Workers: a few threads for work that is too long for the I/O thread and needs no model.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace transept::serve {

class Workers {
 public:
  static constexpr int kThreads = 2;         // one long job does not hold up all others
  static constexpr size_t kMostJobs = 1024;  // that wait

  Workers();
  ~Workers();  // when what was added is done
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Jobs begin in the order in which they were added and do not throw. False if too many wait. Any
  // thread.
  [[nodiscard]] bool add(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;  // under mutex_
  bool stopping_ = false;                   // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace transept::serve
