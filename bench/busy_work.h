// What busy_bench times: a model at work in a process of its own, told for how long.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace transept {

// tiny, base: sentences answered one after the other, Marian's shapes in int8. train: steps of
// training the tiny shape. All of random weights.
[[nodiscard]] const std::vector<std::string>& names_of_work();

// Reads numbers of seconds from the standard input, a line each, until it ends; works that long
// after each and says in a line how many tokens came out per second.
void serve_work(const std::string& name, int threads);

}  // namespace transept
