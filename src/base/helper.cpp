#include "base/helper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace transept {
RunTimes run_times(int thread) {
  char text[96];
  *fmt::format_to_n(text, sizeof text - 1, "/proc/self/task/{}/schedstat", thread).out = '\0';
  const int file = open(text, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return {};
  text[size] = '\0';
  long long computed = 0;
  long long waited = 0;
  if (std::sscanf(text, "%lld %lld", &computed, &waited) != 2) return {};
  return {computed, waited};
}

void Helper::left(int64_t inside, int64_t late) {
  constexpr int64_t kSpun = 100'000;  // for about so long a caller looks before it sleeps
  inside_ += inside;
  late_ += late;
  slept_ += std::max<int64_t>(late - kSpun, 0);
}

int64_t Helper::settle(int64_t now, int64_t computed, const RunTimes& caller) {
  const RunTimes theirs = caller - caller_;
  const int64_t mine = computed - computed_;
  // While it was inside, it may have been without a processor. A piece takes longer in company:
  // caches, memory and the clock of the processors are shared, and pieces are handed out.
  constexpr double kLonger = 4.0 / 3.0;
  const double helped =
      static_cast<double>(std::clamp<int64_t>(inside_ - late_, 0, mine)) / kLonger;
  const double waiting =
      static_cast<double>(late_ - slept_) + share_alone_ * static_cast<double>(slept_);
  // Of the caller's time no more than this thread computed can have been lost to it.
  const double lost =
      std::clamp(share_alone_ * static_cast<double>(theirs.computed + theirs.waited) -
                     static_cast<double>(theirs.computed),
                 -static_cast<double>(mine), static_cast<double>(mine));
  credit_ = std::min(credit_ + helped - waiting - lost, static_cast<double>(kMostCredit));
  // What was true alone some time ago may be so no longer.
  share_alone_ += (1 - share_alone_) * std::min(static_cast<double>(now - since_) * 1e-9, 1.0);
  begin(now, computed, caller);
  if (credit_ >= 0) return 0;
  const double rest = (static_cast<double>(kBudget) - credit_) * kRestPerLoss * n_workers_;
  credit_ = kBudget;
  return static_cast<int64_t>(std::min(rest, static_cast<double>(kMostRest)));
}

void Helper::rested(int64_t now, int64_t computed, const RunTimes& caller) {
  constexpr int64_t kEnough = 1'000'000;
  const RunTimes alone = caller - caller_;
  if (const int64_t ready = alone.computed + alone.waited; ready > kEnough)
    share_alone_ = static_cast<double>(alone.computed) / static_cast<double>(ready);
  begin(now, computed, caller);
}

void Helper::begin(int64_t now, int64_t computed, const RunTimes& caller) {
  since_ = now;
  computed_ = computed;
  caller_ = caller;
  inside_ = late_ = slept_ = 0;
}

}  // namespace transept
