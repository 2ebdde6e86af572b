// Run: everything that one training holds while it runs. The trainer's loop is in trainer.cpp; what
// it does at a step, at a validation and at a checkpoint is here.
#pragma once

#include <filesystem>
#include <memory>

#include "base/folder_lock.h"
#include "eval/metrics.h"
#include "model/teacher_forcing.h"
#include "train/batcher.h"
#include "train/guard.h"
#include "train/metrics_log.h"
#include "train/model_source.h"
#include "train/optimizer.h"
#include "train/state.h"
#include "train/trainer.h"

namespace transept {

class Run {
 public:
  // Reads data and model, and the checkpoint if there is one.
  Run(const TrainConfig& config, const TrainEvents& events);

  TrainResult run();

 private:
  struct StepOutcome {
    LossSum loss;
    double gradient_norm = 0;
    double learning_rate = 0;
    bool skipped = false;
  };
  struct Measured {
    double loss = 0;  // per token, without smoothing
    double accuracy = 0;
    std::vector<Figure> figures;

    [[nodiscard]] std::string text() const;  // for people
  };
  // What is summed up between two lines of the log.
  struct Interval {
    LossSum loss;
    double seconds = 0;
    double gradient_norm = 0;
    int64_t steps = 0;
    int64_t target_tokens = 0;
  };

  // trainer.cpp
  void lock_output();
  void remove_leftovers() const;
  void read_data();
  void resume();
  void note_changes(const TrainState& found) const;

  // run_step.cpp
  StepOutcome step();
  std::vector<const BatchIndices*> next_batches();
  LossSum learn(const std::vector<const BatchIndices*>& batches);
  void apply(StepOutcome& outcome);
  void roll_back();
  void freeze_or_thaw();

  // run_measure.cpp
  void validate();
  [[nodiscard]] Measured measure();
  [[nodiscard]] double judged(const Measured& measured) const;
  [[nodiscard]] bool is_better(double value) const;
  void average();
  void log_interval(const StepOutcome& outcome);
  void report();
  void write_model();
  void save();

  [[nodiscard]] std::string reason_to_end() const;  // empty: none
  [[nodiscard]] double seconds_left() const;
  void tell_progress(const StepOutcome& outcome);
  [[nodiscard]] bool has_valid() const { return !valid_.examples.empty(); }
  [[nodiscard]] std::filesystem::path training_folder() const {
    return std::filesystem::path(config_.output) / "training";
  }
  [[nodiscard]] std::filesystem::path state_file() const {
    return training_folder() / "state.safetensors";
  }
  [[nodiscard]] std::filesystem::path values_file(int64_t at_step) const;
  [[nodiscard]] std::vector<int64_t> values_steps() const;  // ascending
  void drop_values(int64_t after, size_t keep);

  TrainConfig config_;
  const TrainEvents& events_;
  FolderLock lock_;  // of the output folder
  ThreadPool pool_;
  const KernelTable& kernels_;
  bool in_pairs_;  // steps multiply in bf16, from the values themselves; validation in f32 panels
  std::unique_ptr<TrainedModel> trained_;
  Dataset data_;
  Dataset valid_;
  std::unique_ptr<Optimizer> optimizer_;
  TrainState state_;
  Guard guard_{config_.guard, state_};
  std::unique_ptr<MetricsLog> log_;
  std::vector<BatchIndices> batches_;  // of epoch state_.epoch
  int64_t batches_epoch_ = -1;
  Arena arena_;
  Tape tape_;
  bool encoder_frozen_ = false;
  Interval interval_;
  TrainResult result_;
};

}  // namespace transept
