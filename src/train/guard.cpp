#include "train/guard.h"

#include <fmt/format.h>

#include <cmath>

namespace transept {
namespace {

constexpr int64_t kSettling = 100;  // steps before a large gradient can be called unusual
constexpr double kMemory = 0.98;    // of the running mean

}  // namespace

std::string Guard::judge(double loss, double gradient_norm) {
  std::string why;
  if (!std::isfinite(loss)) {
    why = "the loss is not finite";
  } else if (!std::isfinite(gradient_norm)) {
    why = "the gradient is not finite";
  } else if (settings_.spike > 0 && state_.step >= kSettling &&
             gradient_norm > settings_.spike * state_.usual_norm) {
    why = fmt::format("the gradient's norm is {:.3g}, usual is {:.3g}", gradient_norm,
                      state_.usual_norm);
  }
  if (!why.empty()) {
    ++state_.bad_in_a_row;
    return why;
  }
  state_.bad_in_a_row = 0;
  state_.usual_norm = state_.usual_norm == 0
                          ? gradient_norm
                          : kMemory * state_.usual_norm + (1 - kMemory) * gradient_norm;
  return {};
}

}  // namespace transept
