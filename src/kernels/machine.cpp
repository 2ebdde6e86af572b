#include "kernels/machine.h"

#include <time.h>

#include <algorithm>
#include <vector>

#include "base/buffer.h"
#include "kernels/pairs.h"

namespace transept {
namespace {

double now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double time_once(Team& team, Clock clock, const std::function<void(int)>& work) {
  if (clock == Clock::wall) {
    const double begin = now(CLOCK_MONOTONIC);
    team.run(work);
    return now(CLOCK_MONOTONIC) - begin;
  }
  std::vector<double> spent(static_cast<size_t>(team.size()));
  team.run([&](int thread) {
    const double begin = now(CLOCK_THREAD_CPUTIME_ID);
    work(thread);
    spent[static_cast<size_t>(thread)] = now(CLOCK_THREAD_CPUTIME_ID) - begin;
  });
  return *std::max_element(spent.begin(), spent.end());
}

constexpr double kBudget = 0.1;  // seconds per measurement

double measure_peak(int64_t (*spin)(int64_t), Team& team, Clock clock) {
  constexpr int64_t kRounds = 200000;  // some 300 µs: starting the threads does not count
  std::vector<int64_t> operations(static_cast<size_t>(team.size()));
  const double seconds = undisturbed_time(team, clock, kBudget, [&](int thread) {
    operations[static_cast<size_t>(thread)] = spin(kRounds);
  });
  double total = 0.0;
  for (const int64_t n : operations) total += static_cast<double>(n);
  return total / seconds;
}

}  // namespace

double undisturbed_time(Team& team, Clock clock, double budget,
                        const std::function<void(int)>& work) {
  team.run(work);  // warm up
  std::vector<double> times{time_once(team, clock, work)};
  const auto calls = static_cast<int>(std::clamp(budget / std::max(times[0], 1e-9), 3.0, 1e6));
  for (int i = 1; i < calls; ++i) times.push_back(time_once(team, clock, work));
  const auto low = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), low, times.end());
  return *low;
}

double measure_fma_peak(const KernelTable& kernels, Team& team, Clock clock) {
  return measure_peak(kernels.spin_fma, team, clock);
}

double measure_i8_peak(const KernelTable& kernels, Team& team, Clock clock) {
  return measure_peak(kernels.spin_i8, team, clock);
}

double measure_pairs_peak(const KernelTable& kernels, Team& team, Clock clock) {
  return kernels.pairs == nullptr ? 0.0 : measure_peak(kernels.pairs->spin, team, clock);
}

double measure_read_bandwidth(const KernelTable& kernels, Team& team, size_t working_set,
                              Clock clock) {
  constexpr size_t kBlock = 64;  // floats
  const auto threads = static_cast<size_t>(team.size());
  const size_t part = std::max(working_set / sizeof(float) / threads / kBlock, size_t{1}) * kBlock;
  Buffer memory(part * threads * sizeof(float));
  auto* data = memory.as<float>();
  std::vector<float> sink(threads);
  team.run([&](int thread) {  // each thread touches its own part first
    std::fill_n(data + static_cast<size_t>(thread) * part, part, 1.0f);
  });
  // Small sets are read many times per call, so that starting the threads does not count.
  const size_t rounds = std::max((size_t{1} << 20) / part, size_t{1});
  const double seconds = undisturbed_time(team, clock, kBudget, [&](int thread) {
    const auto t = static_cast<size_t>(thread);
    for (size_t round = 0; round < rounds; ++round)
      sink[t] += kernels.read_all(data + t * part, part);
  });
  return static_cast<double>(part * threads * rounds * sizeof(float)) / seconds;
}

}  // namespace transept
