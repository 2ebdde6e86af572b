// One step of a training: batches, gradients, the guard's judgement, the update.
#include <fmt/format.h>

#include <chrono>

#include "base/error.h"
#include "train/collate.h"
#include "train/run.h"
#include "train/schedule.h"

namespace transept {

// The next batches, as many as a step accumulates; at the end of an epoch perhaps fewer.
std::vector<const BatchIndices*> Run::next_batches() {
  if (batches_epoch_ != state_.epoch) {
    batches_ = make_batches(data_.examples, config_.batch, config_.seed, state_.epoch);
    batches_epoch_ = state_.epoch;
  }
  std::vector<const BatchIndices*> out;
  while (static_cast<int>(out.size()) < config_.batch.accumulate &&
         state_.batch < static_cast<int64_t>(batches_.size())) {
    out.push_back(&batches_[static_cast<size_t>(state_.batch++)]);
  }
  return out;
}

// Adds up the gradients of the mean loss over all labels of the step.
LossSum Run::learn(const std::vector<const BatchIndices*>& batches) {
  double weight = 0;
  for (const BatchIndices* batch : batches)
    weight += label_weight(data_.examples, *batch, config_.prompt_weight);
  const LossOptions options{
      .label_smoothing = static_cast<float>(config_.regularization.label_smoothing),
      .gradient_scale = static_cast<float>(1 / weight)};
  LossSum sum;
  size_t seen = 0;
  for (const BatchIndices* batch : batches) {
    arena_.clear();
    tape_.clear();
    Context c{arena_, pool_, kernels_};
    c.tape = &tape_;
    c.in_pairs = in_pairs_;
    c.dropout = {.rate = static_cast<float>(config_.regularization.dropout),
                 .attention = static_cast<float>(config_.regularization.attention_dropout),
                 .activation = static_cast<float>(config_.regularization.activation_dropout),
                 .seed = config_.seed,
                 .step = static_cast<uint64_t>(state_.step)};
    const Examples examples = collate(data_.examples, *batch, config_.prompt_weight, seen);
    seen += batch->size();
    sum += teacher_forcing(c, trained_->model, examples, options);
    tape_.backward();
    result_.step_bytes =
        std::max(result_.step_bytes, arena_.capacity_bytes() + tape_.capacity_bytes());
    result_.source_tokens += examples.source.rows();
    result_.target_tokens += examples.target.rows();
    interval_.target_tokens += examples.target.rows();
    state_.target_tokens += examples.target.rows();
  }
  return sum;
}

// The encoder's weights, and a token table that it shares, are held still for the first steps.
void Run::freeze_or_thaw() {
  const int64_t steps = config_.model.freeze_encoder_steps;
  const bool frozen = steps < 0 || state_.step < steps;
  if (frozen == encoder_frozen_) return;
  encoder_frozen_ = frozen;
  trained_->parameters->train(
      [frozen](const Parameter& p) { return !frozen || !p.weight->serves_encoder(); });
}

void Run::apply(StepOutcome& outcome) {
  outcome.gradient_norm = optimizer_->gradient_norm(pool_, kernels_);
  const std::string why =
      guard_.judge(outcome.loss.loss / outcome.loss.weight, outcome.gradient_norm);
  if (!why.empty()) {
    outcome.skipped = true;
    const std::string text = fmt::format("{}; step skipped", why);
    log_->add_event(state_.step + 1, "skipped", text);
    events_.note(fmt::format("step {}: {}", state_.step + 1, text));
    return;
  }
  const double most = config_.optimizer.clip_norm;
  const double scale =
      most > 0 && outcome.gradient_norm > most ? most / outcome.gradient_norm : 1.0;
  optimizer_->update(pool_, kernels_, outcome.learning_rate, scale);
  if (!in_pairs_) trained_->parameters->repack(pool_, kernels_);
}

void Run::roll_back() {
  ++state_.rollbacks;
  check(state_.rollbacks <= config_.guard.give_up_after, ErrorCode::internal,
        "{}: training does not settle: {} rollbacks without a good checkpoint between them; lower "
        "optimizer.learning_rate, or look at the data",
        config_.output, config_.guard.give_up_after);
  const TrainState saved = load_state(state_file(), *trained_->parameters, *optimizer_);
  if (!in_pairs_) trained_->parameters->repack(pool_, kernels_);
  state_.bad_in_a_row = 0;
  state_.usual_norm = saved.usual_norm;
  const std::string text =
      fmt::format("the weights are those of step {} again; the data goes on", saved.step);
  log_->add_event(state_.step, "rollback", text);
  events_.note(fmt::format("step {}: {}", state_.step, text));
}

Run::StepOutcome Run::step() {
  const auto begin = std::chrono::steady_clock::now();
  StepOutcome outcome;
  outcome.learning_rate = learning_rate(config_, state_.step + 1);
  freeze_or_thaw();
  trained_->parameters->clear_gradients(pool_);
  const std::vector<const BatchIndices*> batches = next_batches();
  outcome.loss = learn(batches);
  apply(outcome);
  ++state_.step;
  if (state_.batch == static_cast<int64_t>(batches_.size())) {
    ++state_.epoch;
    state_.batch = 0;
  }
  if (outcome.skipped && guard_.wants_rollback()) roll_back();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  state_.seconds += took.count();
  result_.seconds += took.count();
  interval_.seconds += took.count();
  if (!outcome.skipped) {
    interval_.loss += outcome.loss;
    interval_.gradient_norm += outcome.gradient_norm;
    ++interval_.steps;
  }
  return outcome;
}

}  // namespace transept
