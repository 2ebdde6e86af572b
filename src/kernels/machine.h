// What this machine can do at best, measured: the bounds that products are judged by.
#pragma once

#include <cstddef>
#include <functional>

#include "kernels/kernels.h"
#include "kernels/team.h"

namespace transept {

// wall: the time that passes. processor: the time the busiest thread computes, which leaves out
// what other programs took from it: for machines that are not quiet.
enum class Clock { wall, processor };

// The time in seconds that work(thread) on all threads of the team takes undisturbed, over repeated
// calls that take about `budget` seconds together (at least three): the one that a tenth of the
// calls stay below. Other work on the machine only adds, so it is a low one; not the lowest,
// because clocks err too (once in many runs, a virtual machine's processor clock showed 82 % of the
// time).
[[nodiscard]] double undisturbed_time(Team& team, Clock clock, double budget,
                                      const std::function<void(int)>& work);

// Floating-point operations per second of multiply-adds on registers alone, all threads of the team
// together.
[[nodiscard]] double measure_fma_peak(const KernelTable& kernels, Team& team,
                                      Clock clock = Clock::wall);

// The same of the integer multiply-adds of gemm_i8.
[[nodiscard]] double measure_i8_peak(const KernelTable& kernels, Team& team,
                                     Clock clock = Clock::wall);

// The same of the products of bf16 pairs; 0 where there are none.
[[nodiscard]] double measure_pairs_peak(const KernelTable& kernels, Team& team,
                                        Clock clock = Clock::wall);

// Bytes per second read from a working set of this size, each thread its own part, over and over:
// choose the size to measure a cache or the memory.
[[nodiscard]] double measure_read_bandwidth(const KernelTable& kernels, Team& team,
                                            size_t working_set, Clock clock = Clock::wall);

}  // namespace transept
