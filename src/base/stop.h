// Stopped: how work ends whose result nobody wants any more. Who waits holds a std::stop_source,
// who works a std::stop_token.
#pragma once

#include <stop_token>

#include "base/error.h"

namespace transept {

class Stopped : public Error {
 public:
  Stopped() : Error(ErrorCode::cancelled, "stopped: the result is no longer wanted") {}
};

inline void check_wanted(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Stopped();
}

}  // namespace transept
