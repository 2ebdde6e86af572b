// A resident pool of threads, for a machine that has other things to do as well.
//
// Work is cut by the caller into pieces whose results do not depend on who runs them, so any number
// of threads gives the same bits, and the number may change while the work runs. The caller runs
// pieces itself and waits at the end for those threads alone that are inside a piece: a thread that
// the machine did not let run yet costs nothing. One that is inside and loses its processor makes
// the caller wait; threads to which that happens more than they help stay away for a while
// (helper.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace transept {

class ThreadPool {
 public:
  // n_threads counts the caller's own thread; 0 means as many as available_cores().
  explicit ThreadPool(int n_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(begin, end), or f(thread, begin, end), on pieces that together cover [0, n) once, each
  // of at most `grain` items unless one thread takes them all. Which thread takes which piece, and
  // how many threads take any, is decided while running; a thread's pieces come in ascending order.
  // `thread` is below size() and no two pieces run at once with the same one: an index of scratch
  // memory. The first exception is rethrown here when no piece runs any more; pieces that had not
  // begun are left out.
  //
  // From any thread, from several at once, and from inside f: whoever finds the pool taken runs its
  // pieces itself until it is free.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& f) {
    if (n <= 0) return;
    auto piece = [&f](int thread, int64_t begin, int64_t end) {
      if constexpr (std::is_invocable_v<F&, int, int64_t, int64_t>) {
        f(thread, begin, end);
      } else {
        f(begin, end);
      }
    };
    if (workers_.empty() || n <= grain) return piece(0, 0, n);
    run({.piece =
             [](void* context, int thread, int64_t begin, int64_t end) {
               (*static_cast<decltype(piece)*>(context))(thread, begin, end);
             },
         .context = &piece,
         .n = n,
         .grain = grain,
         .caller = 0});
  }

 private:
  struct Job {
    void (*piece)(void* context, int thread, int64_t begin, int64_t end) = nullptr;
    void* context = nullptr;
    int64_t n = 0;
    int64_t grain = 1;
    int caller = 0;  // the kernel's number of its thread
  };
  void run(const Job& job);
  void open(const Job& job, int64_t begin);
  void take_pieces(int thread) noexcept;
  void close();
  void await_others();
  void stop();

  void work(int thread, int n_workers);
  [[nodiscard]] uint32_t await_job(uint32_t seen);
  [[nodiscard]] bool enter(uint32_t state);
  void leave();

  // The word that decides who is inside: a number of the job, whether it is open, whether its
  // caller sleeps until all have left, how many workers are inside. See parallel.cpp.
  alignas(64) std::atomic<uint32_t> state_{0};
  alignas(64) std::atomic<int64_t> left_{0};     // items of the job that no thread has taken
  alignas(64) Job job_;                          // read by those inside alone
  std::atomic<int64_t> closed_at_{0};            // nanoseconds; 0: not yet
  alignas(64) std::atomic<bool> taken_{false};   // by a caller
  alignas(64) std::atomic<bool> asleep_{false};  // a worker may be
  std::atomic<uint32_t> wake_{0};                // what they sleep on
  std::atomic<uint32_t> stop_{0};
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::vector<std::thread> workers_;
};

}  // namespace transept
