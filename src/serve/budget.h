// Budget: how many bytes all requests together may hold – bodies that arrive, large answers that
// are made. Belongs to the I/O thread.
#pragma once

#include <cstddef>

namespace transept::serve {

class Budget {
 public:
  explicit Budget(std::size_t most) : most_(most) {}
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] std::size_t used() const { return used_; }

  // What one request holds; given back when it is over.
  class Share {
   public:
    explicit Share(Budget& budget) : budget_(budget) {}
    ~Share() { budget_.used_ -= held_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    // False, and nothing held, if they do not fit.
    [[nodiscard]] bool hold(std::size_t bytes) {
      if (bytes > budget_.most_ - budget_.used_) return false;
      budget_.used_ += bytes;
      held_ += bytes;
      return true;
    }

    [[nodiscard]] std::size_t held() const { return held_; }

   private:
    Budget& budget_;
    std::size_t held_ = 0;
  };

 private:
  std::size_t most_;
  std::size_t used_ = 0;
};

}  // namespace transept::serve
