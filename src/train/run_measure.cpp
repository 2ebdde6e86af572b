// What happens between steps: validating, logging, saving, and at the end averaging.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "train/collate.h"
#include "train/report.h"
#include "train/run.h"
#include "train/validate.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

double per_token(const LossSum& sum) {
  return sum.weight > 0 ? -sum.log_prob / sum.weight : 0;
}

}  // namespace

std::string Run::Measured::text() const {
  std::string text = fmt::format("valid loss {:.4f}", loss);
  for (const Figure& figure : figures)
    text += fmt::format(", {} {:.4g}", figure.name, figure.score);
  return text;
}

// In f32, with what the values are now.
Run::Measured Run::measure() {
  trained_->parameters->repack(pool_, kernels_);
  LossSum sum;
  for (const BatchIndices& batch : cut_in_order(valid_.examples, config_.batch)) {
    arena_.clear();
    Context c{arena_, pool_, kernels_};
    sum += teacher_forcing(c, trained_->model, collate(valid_.examples, batch, 0));
  }
  Measured out;
  out.loss = per_token(sum);
  out.accuracy =
      static_cast<double>(sum.correct) / static_cast<double>(std::max<int64_t>(sum.labels, 1));
  out.figures = measure_generation(*trained_, valid_, config_.validation, pool_, kernels_);
  return out;
}

double Run::judged(const Measured& measured) const {
  for (const Figure& figure : measured.figures) {
    if (figure.metric == config_.validation.best) {
      return figure.higher_is_better ? figure.score : -figure.score;
    }
  }
  return -measured.loss;
}

bool Run::is_better(double value) const {
  return std::isfinite(value) && (!state_.best || value > *state_.best);
}

// With an average of the weights it is the average that is validated and written.
void Run::validate() {
  optimizer_->swap_ema();
  if (has_valid()) {
    const Measured measured = measure();
    std::vector<std::pair<std::string, double>> numbers = {
        {"valid_loss", measured.loss},
        {"valid_perplexity", std::exp(measured.loss)},
        {"valid_token_accuracy", measured.accuracy}};
    for (const Figure& figure : measured.figures) numbers.emplace_back(figure.metric, figure.score);
    std::string text = fmt::format("step {}: {}", state_.step, measured.text());
    log_->add(state_.step, numbers);
    const double value = judged(measured);
    if (is_better(value)) {
      state_.best = value;
      state_.best_step = state_.step;
      state_.without_better = 0;
      text += "; the best so far";
      write_model();
    } else {
      ++state_.without_better;
    }
    events_.note(text);
  } else {
    write_model();
  }
  if (config_.average.checkpoints > 0) {
    save_values(values_file(state_.step), trained_->parameters->values());
  }
  optimizer_->swap_ema();
  if (!in_pairs_) trained_->parameters->repack(pool_, kernels_);
}

fs::path Run::values_file(int64_t at_step) const {
  return training_folder() / fmt::format("values-{}.safetensors", at_step);
}

std::vector<int64_t> Run::values_steps() const {
  std::vector<int64_t> steps;
  for (const fs::directory_entry& entry : fs::directory_iterator(training_folder())) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("values-") || !name.ends_with(".safetensors")) continue;
    int64_t at_step = 0;
    std::from_chars(name.data() + 7, name.data() + name.size(), at_step);
    steps.push_back(at_step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

// Weights that a killed run left behind the checkpoint, and those that no average needs any more.
void Run::drop_values(int64_t after, size_t keep) {
  std::vector<int64_t> steps = values_steps();
  while (!steps.empty() && steps.back() > after) {
    fs::remove(values_file(steps.back()));
    steps.pop_back();
  }
  for (size_t i = 0; i + keep < steps.size(); ++i) fs::remove(values_file(steps[i]));
}

// The mean of the last validated weights, if it does better than the best of them.
void Run::average() {
  std::vector<int64_t> steps = values_steps();
  const auto most = static_cast<size_t>(config_.average.checkpoints);
  if (steps.size() > most) steps.erase(steps.begin(), steps.end() - config_.average.checkpoints);
  if (most == 0 || steps.size() < 2) return;
  const std::span<float> values = trained_->parameters->values();
  const std::vector<float> kept(values.begin(), values.end());
  std::vector<double> sum(values.size());
  for (const int64_t at_step : steps) {
    load_values(values_file(at_step), values);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += double{values[i]};
  }
  const auto n = static_cast<double>(steps.size());
  for (size_t i = 0; i < sum.size(); ++i) values[i] = static_cast<float>(sum[i] / n);
  std::string text = fmt::format("mean of the weights of {} validations", steps.size());
  bool better = true;
  if (has_valid()) {
    const Measured measured = measure();
    const double value = judged(measured);
    better = is_better(value);
    if (better) state_.best = value;
    if (better) state_.best_step = state_.step;
    text += ": " + measured.text();
    text += better ? "; the best" : "; no better than the best";
  }
  if (better) write_model();
  log_->add_event(state_.step, "average", text);
  events_.note(text);
  std::ranges::copy(kept,
                    values.begin());  // for the checkpoint; nobody computes with them any more
}

void Run::write_model() {
  write_model_folder(config_.output, *trained_);
}

void Run::save() {
  state_.rollbacks = 0;  // a checkpoint is made after a good step only
  state_.config = to_toml(config_);
  save_state(state_file(), state_, *trained_->parameters, *optimizer_);
  drop_values(state_.step, static_cast<size_t>(config_.average.checkpoints));
  report();
}

void Run::log_interval(const StepOutcome& outcome) {
  std::vector<std::pair<std::string, double>> numbers = {
      {"epoch", static_cast<double>(state_.epoch)},
      {"learning_rate", outcome.learning_rate},
      {"target_tokens", static_cast<double>(state_.target_tokens)},
      {"tokens_per_second",
       static_cast<double>(interval_.target_tokens) / std::max(interval_.seconds, 1e-9)},
      {"seconds", state_.seconds}};
  if (interval_.steps > 0) {  // else every step was skipped
    const auto n = static_cast<double>(interval_.steps);
    numbers.emplace_back("loss", interval_.loss.loss / interval_.loss.weight);
    numbers.emplace_back("nll", per_token(interval_.loss));
    numbers.emplace_back("gradient_norm", interval_.gradient_norm / n);
  }
  log_->add(state_.step, numbers);
  interval_ = {};
}

void Run::report() {
  ReportParts parts;
  parts.title = fs::path(config_.output).filename().string();
  parts.subtitle = fmt::format("{}, {} parameters. {}", trained_->model.config.family,
                               trained_->parameters->count(), data_.summary("Training"));
  parts.lines = log_->lines();
  for (const std::string& metric : config_.validation.metrics) {
    parts.metrics.push_back({metric, !higher_is_better(metric)});
  }
  parts.config = state_.config;
  write_file_atomic(fs::path(config_.output) / "report.html", render_report(parts));
}

}  // namespace transept
