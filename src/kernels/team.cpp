#include "kernels/team.h"

namespace transept {

Team::Team(int n) : size_(n) {
  for (int thread = 1; thread < n; ++thread) {
    others_.emplace_back([this, thread] {
      for (;;) {
        meet();
        if (work_ == nullptr) return;
        (*work_)(thread);
        meet();
      }
    });
  }
}

Team::~Team() {
  work_ = nullptr;
  meet();
  for (std::thread& other : others_) other.join();
}

void Team::run(const std::function<void(int)>& work) {
  work_ = &work;
  meet();
  work(0);
  meet();
}

// A barrier that never sleeps: whoever woke late would start late.
void Team::meet() {
  const int before = meetings_.load();
  if (arrived_.fetch_add(1) + 1 == size_) {
    arrived_.store(0);
    meetings_.store(before + 1);
    return;
  }
  while (meetings_.load() == before) std::this_thread::yield();
}

}  // namespace transept
