// What the server has done, in the Prometheus text format (version 0.0.4). Belongs to the I/O
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace transept::serve {

struct Service;

class Metrics {
 public:
  void requested(const std::string& route, int status, double seconds);
  void answered(int source_tokens, int prompt_tokens, int output_tokens);
  [[nodiscard]] std::string text(const Service& service) const;

 private:
  static constexpr std::array kSeconds = {0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0};

  std::map<std::pair<std::string, int>, std::int64_t> requests_;  // by route and status
  std::array<std::int64_t, kSeconds.size() + 1> durations_{};
  double seconds_ = 0;
  std::int64_t source_tokens_ = 0;
  std::int64_t prompt_tokens_ = 0;
  std::int64_t output_tokens_ = 0;
};

}  // namespace transept::serve
