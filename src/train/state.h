// TrainState: where a training stands, and its one file. The file is replaced as a whole
// (base/file.h), so a training that is killed at any moment finds the previous one or the new one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "train/optimizer.h"

namespace transept {

struct TrainState {
  int64_t step = 0;           // steps done, skipped ones included
  int64_t epoch = 0;          // of the next batch
  int64_t batch = 0;          // its index within the epoch
  int64_t target_tokens = 0;  // learnt from so far
  double seconds = 0;         // of training, over all runs

  // The guard's.
  double usual_norm = 0;  // running mean of the gradient's norm; 0: none yet
  int64_t bad_in_a_row = 0;
  int64_t rollbacks = 0;

  // Validation's.
  std::optional<double> best;
  int64_t best_step = 0;
  int64_t without_better = 0;
  int64_t finished = 0;  // 1: the last thing was done, averaging included

  std::string data_hash;
  std::string valid_hash;  // of the validation data; empty where the file is older
  std::string config;      // TOML, as it was when the file was written
};

// values, moments, average and `state`. Error io: the previous file is intact.
void save_state(const std::filesystem::path& file, const TrainState& state, Parameters& parameters,
                Optimizer& optimizer);
// Error bad_data if the file is damaged: it holds a checksum of its contents, unless an older
// version wrote it. Error mismatch if it does not fit the model.
[[nodiscard]] TrainState load_state(const std::filesystem::path& file, Parameters& parameters,
                                    Optimizer& optimizer);

// The parameters alone: what averaging checkpoints reads.
void save_values(const std::filesystem::path& file, std::span<const float> values);
void load_values(const std::filesystem::path& file, std::span<float> values);

}  // namespace transept
