// The loop of a training, and how it begins.
#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "train/run.h"

namespace transept {

namespace fs = std::filesystem;
namespace {

// What a training writes beside the tokenizer's files.
constexpr std::array<std::string_view, 6> kResultFiles = {
    "model.safetensors",     "config.json",   "generation_config.json",
    "tokenizer_config.json", "metrics.jsonl", "report.html"};

bool multiplies_in_bf16(const std::string& precision, const KernelTable& kernels) {
  check(precision != "bf16" || kernels.pairs != nullptr, ErrorCode::unsupported,
        "precision: this CPU ({} kernels) has no instruction for products of bf16; use auto or f32",
        kernels.name);
  return precision != "f32" && kernels.pairs != nullptr;
}

}  // namespace

Run::Run(const TrainConfig& config, const TrainEvents& events)
    : config_(config),
      events_(events),
      pool_(config.threads),
      kernels_(chosen_kernels()),
      in_pairs_(multiplies_in_bf16(config.precision, kernels_)) {
  lock_output();
  trained_ = make_trained_model(config_, pool_);
  remove_leftovers();
  read_data();
  optimizer_ = std::make_unique<Optimizer>(*trained_->parameters, config_);
  state_.data_hash = data_.hash;
  state_.valid_hash = valid_.hash;
  const bool resumed = file_exists(state_file());
  if (resumed) resume();
  if (!in_pairs_) trained_->parameters->repack(pool_, kernels_);
  events_.note(
      fmt::format("products in {}, {} kernels", in_pairs_ ? "bf16" : "f32", kernels_.name));
  log_ = std::make_unique<MetricsLog>(fs::path(config_.output) / "metrics.jsonl", state_.step);
  drop_values(state_.step, static_cast<size_t>(config_.average.checkpoints));
  if (!resumed) save();  // what a rollback goes back to; and a full disk is noticed now
}

void Run::lock_output() {
  std::error_code error;
  fs::create_directories(training_folder(), error);
  check(
      !error, ErrorCode::io, "{}: cannot create the folder: {}",
      [&] { return training_folder().string(); }, [&] { return error.message(); });
  std::optional<FolderLock> lock = FolderLock::take(config_.output);
  check(lock.has_value(), ErrorCode::io,
        "{}: another training writes into this folder; wait for its end, or name another output "
        "folder",
        config_.output);
  lock_ = std::move(*lock);
  if (!lock_.holds())
    events_.note("the output folder's file system has no locks: train there once at a time");
}

// Temporary files of trainings that were killed. Nobody else's: the folder is locked.
void Run::remove_leftovers() const {
  const fs::path& tokenizer = trained_->tokenizer_folder;
  remove_temporaries(config_.output, [&](std::string_view target) {
    return std::ranges::find(kResultFiles, target) != kResultFiles.end() ||
           target == tokenizer.filename().string() || file_exists(tokenizer / target);
  });
  remove_temporaries(training_folder(), [&](std::string_view target) {
    return target == state_file().filename().string() ||
           (target.starts_with("values-") && target.ends_with(".safetensors"));
  });
}

void Run::read_data() {
  const auto read = [](const Paths& tsv, const Paths& source, const Paths& target) {
    return tsv.empty() ? read_parallel(source, target) : read_pairs(tsv);
  };
  const Encoder encoder{*trained_->tokenizer, trained_->model.config, trained_->options};
  const TrainConfig::Data& d = config_.data;
  data_ = make_dataset(read(d.train, d.train_source, d.train_target), encoder, d, false, pool_);
  events_.note(data_.summary("training data"));
  if (d.valid.empty() && d.valid_source.empty()) return;
  valid_ = make_dataset(read(d.valid, d.valid_source, d.valid_target), encoder, d, true, pool_);
  events_.note(valid_.summary("validation data"));
}

void Run::resume() {
  const TrainState found = load_state(state_file(), *trained_->parameters, *optimizer_);
  check(found.data_hash == data_.hash, ErrorCode::mismatch,
        "{}: the training data is not what this training began with; restore it, or name another "
        "output folder",
        config_.output);
  note_changes(found);
  state_ = found;
  state_.valid_hash = valid_.hash;
  events_.note(fmt::format("resumed at step {}", state_.step));
}

// Settings may be changed between runs; a reader of the log should know.
void Run::note_changes(const TrainState& found) const {
  if (!found.valid_hash.empty() && found.valid_hash != valid_.hash) {
    events_.note(
        "the validation data is not what it was: figures from before cannot be compared with those "
        "to come, nor the best with what is better");
  }
  const TrainConfig old = make_train_config(parse_toml(found.config, state_file().string()), {});
  const std::vector<ConfigKey> was = list_keys(old);
  const std::vector<ConfigKey> is = list_keys(config_);
  for (size_t i = 0; i < is.size(); ++i) {
    if (was[i].value == is[i].value || is[i].name == "output") continue;
    check(!is[i].name.starts_with("model.") || is[i].name == "model.freeze_encoder_steps",
          ErrorCode::mismatch,
          "{}: {} was {} when this training began, now it is {}: undo that, or name another output "
          "folder",
          config_.output, is[i].name, was[i].value, is[i].value);
    events_.note(fmt::format("{} is {} now, was {}", is[i].name, is[i].value, was[i].value));
  }
}

std::string Run::reason_to_end() const {
  const TrainConfig::Length& length = config_.length;
  if (state_.step >= length.max_steps) return "the last step";
  if (length.max_epochs > 0 && state_.epoch >= length.max_epochs) return "the last epoch";
  if (length.max_minutes > 0 && state_.seconds >= 60 * length.max_minutes) return "the time is up";
  if (config_.validation.patience > 0 && state_.without_better >= config_.validation.patience) {
    return fmt::format("no better validation in {}", state_.without_better);
  }
  return {};
}

// By the share of steps, epochs or minutes that is done: whatever ends first.
double Run::seconds_left() const {
  const TrainConfig::Length& length = config_.length;
  if (state_.step == 0) return 0;
  const double per_step = state_.seconds / static_cast<double>(state_.step);
  double left = per_step * static_cast<double>(length.max_steps - state_.step);
  if (length.max_epochs > 0) {
    const double done = static_cast<double>(state_.epoch) +
                        static_cast<double>(state_.batch) / static_cast<double>(batches_.size());
    if (done > 0) left = std::min(left, state_.seconds * (length.max_epochs / done - 1));
  }
  if (length.max_minutes > 0) left = std::min(left, 60 * length.max_minutes - state_.seconds);
  return left;
}

void Run::tell_progress(const StepOutcome& outcome) {
  StepReport report;
  report.step = state_.step;
  report.max_steps = config_.length.max_steps;
  report.epoch = state_.epoch;
  report.epoch_part = static_cast<double>(state_.batch) / static_cast<double>(batches_.size());
  report.loss = outcome.loss.loss / outcome.loss.weight;
  report.learning_rate = outcome.learning_rate;
  report.tokens_per_second =
      static_cast<double>(result_.target_tokens) / std::max(result_.seconds, 1e-9);
  report.seconds_left = seconds_left();
  events_.progress(report);
}

TrainResult Run::run() {
  int64_t validated = -1;
  int64_t saved = state_.step;
  const auto is_time = [&](int64_t every) { return every > 0 && state_.step % every == 0; };
  while (reason_to_end().empty()) {
    const StepOutcome outcome = step();
    state_.finished = 0;
    if (is_time(config_.logging.every_steps)) log_interval(outcome);
    if (is_time(config_.validation.every_steps)) {
      validate();
      validated = state_.step;
    }
    // Weights after a step that was skipped may be spoilt: a rollback must find older ones.
    if (is_time(config_.checkpoint.every_steps) && !outcome.skipped) {
      save();
      saved = state_.step;
    }
    tell_progress(outcome);
    if (events_.stop()) {
      if (saved != state_.step && !outcome.skipped) save();
      result_.interrupted = true;
      break;
    }
  }
  result_.reason = reason_to_end();
  if (!result_.interrupted && state_.finished == 0) {
    if (validated != state_.step) validate();
    average();
    state_.finished = 1;
    save();
  }
  result_.steps = state_.step;
  if (state_.best) result_.best = std::abs(*state_.best);
  result_.best_step = state_.best_step;
  return result_;
}

TrainResult train(const TrainConfig& config, const TrainEvents& events) {
  return Run(config, events).run();
}

}  // namespace transept
