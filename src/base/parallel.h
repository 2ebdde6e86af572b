// A resident pool of threads. Dispatch costs under a microsecond while the threads are awake; they
// sleep when idle.
//
// Work is cut by the caller into pieces whose results do not depend on who runs them, so any number
// of threads gives the same bits.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace transept {

class ThreadPool {
 public:
  // n_threads counts the caller's own thread; 0 means one per core this process may use.
  explicit ThreadPool(int n_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(thread_index) once on every thread and returns when all are done. The first exception
  // is rethrown here. One caller at a time (others wait), and not from inside f.
  template <class F>
  void run(F&& f) {
    if (workers_.empty()) return f(0);
    run_erased([](void* context,
                  int thread) { (*static_cast<std::remove_reference_t<F>*>(context))(thread); },
               const_cast<void*>(static_cast<const void*>(&f)));
  }

  // Calls f(begin, end) on pieces that together cover [0, n) once, each of at most `grain` items.
  // Which thread takes which piece is decided while running.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& f) {
    if (n <= 0) return;
    if (workers_.empty() || n <= grain) return f(int64_t{0}, n);
    std::atomic<int64_t> next{0};
    run([&](int) {
      for (;;) {
        const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
        if (begin >= n) return;
        f(begin, begin + grain < n ? begin + grain : n);
      }
    });
  }

 private:
  using Function = void (*)(void*, int);
  void run_erased(Function function, void* context);
  void work(int thread);
  void call(int thread) noexcept;

  std::vector<std::thread> workers_;
  std::mutex caller_;  // one run at a time
  Function function_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
  std::mutex error_mutex_;
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> pending_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
};

// The number of cores this process may run on.
[[nodiscard]] int available_cores();

}  // namespace transept
