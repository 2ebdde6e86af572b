// Trainer: from settings and data to a model folder. Resumes by itself from what its output folder
// holds; every number it draws or computes depends on the settings, the data and the step alone, so
// a training that was interrupted ends with the same weights to the bit.
//
// The output folder:
//   config.json, model.safetensors, tokenizer files …  the result: the best model so far, or the
//                                                       newest where nothing is validated
//   metrics.jsonl, report.html                          its history
//   training/state.safetensors                          the checkpoint: all that going on needs
//   training/values-<step>.safetensors                  the weights that will be averaged
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "train/config.h"

namespace transept {

struct StepReport {
  int64_t step = 0;
  int64_t max_steps = 0;
  int64_t epoch = 0;
  double epoch_part = 0;  // 0 … 1 of this epoch
  double loss = 0;        // per target token, of this step
  double learning_rate = 0;
  double tokens_per_second = 0;  // target tokens, mean of this run
  double seconds_left = 0;       // to max_steps, max_epochs or max_minutes
};

struct TrainEvents {
  std::function<void(const std::string&)> note = [](const std::string&) {};  // a line for people
  std::function<void(const StepReport&)> progress = [](const StepReport&) {};
  std::function<bool()> stop = [] { return false; };  // asked after each step
};

struct TrainResult {
  int64_t steps = 0;
  std::string reason;  // why it ended: "the last step", "no better validation", …
  std::optional<double> best;
  int64_t best_step = 0;
  bool interrupted = false;
  // Of this run, for --stats.
  int64_t target_tokens = 0;
  int64_t source_tokens = 0;
  double seconds = 0;
  size_t step_bytes = 0;  // scratch and gradients of activations, at most
};

// Error not_found, io, bad_data, mismatch: one line; the last checkpoint is intact.
TrainResult train(const TrainConfig& config, const TrainEvents& events = {});

}  // namespace transept
