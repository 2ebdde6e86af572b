// Timing a piece of code, for what reports speed or counts time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace transept {

template <class F>
[[nodiscard]] double milliseconds(F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  const auto passed = std::chrono::steady_clock::now() - begin;
  return std::chrono::duration<double, std::milli>(passed).count();
}

// Adds how long its scope took.
class AddSeconds {
 public:
  explicit AddSeconds(double& seconds)
      : seconds_(seconds), begin_(std::chrono::steady_clock::now()) {}
  ~AddSeconds() {
    const auto passed = std::chrono::steady_clock::now() - begin_;
    seconds_ += std::chrono::duration<double>(passed).count();
  }
  AddSeconds(const AddSeconds&) = delete;
  AddSeconds& operator=(const AddSeconds&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_;
};

// The upper one of two in the middle. Of one value at least.
[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace transept
