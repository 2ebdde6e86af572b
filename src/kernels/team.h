// Threads that all do the same at once, for measuring what a machine can do with all of them. (A
// ThreadPool's work is pieces for whoever comes.)
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace transept {

class Team {
 public:
  // n counts the caller's own thread.
  explicit Team(int n);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  [[nodiscard]] int size() const { return size_; }

  // Calls work(thread) once on every thread, all starting together, and returns when all are done.
  // It must not throw.
  void run(const std::function<void(int)>& work);

 private:
  void meet();

  int size_;
  const std::function<void(int)>* work_ = nullptr;  // null: the end
  std::atomic<int> arrived_{0};
  std::atomic<int> meetings_{0};
  std::vector<std::thread> others_;
};

}  // namespace transept
