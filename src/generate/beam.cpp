#include "generate/beam.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace transept {
namespace {

// The reference's "worse than anything"; sums with it round as they do there.
constexpr float kDead = -1.0e9F;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

}  // namespace

BeamSession::BeamSession(const Config& config, const GenerateOptions& options,
                         const std::vector<Token>& prompt, Memory memory,
                         std::shared_ptr<const OutputSubset> outputs)
    : Session(std::move(memory), std::move(outputs)),
      options_(options),
      prompt_length_(decoder_prompt(options, config, prompt).size()),
      limit_(static_cast<size_t>(length_limit(options, config, static_cast<int>(prompt_length_)))),
      length_(prompt_length_),
      processors_(options, memory_.empty() ? std::span<const Token>() : memory_.ids(),
                  static_cast<int>(prompt_length_), static_cast<int>(limit_), outputs_.get()) {
  // All beams begin with the prompt. Only the first counts, or all would go the same way.
  Row row;
  row.state = DecodeState(config.decoder);
  row.ids = decoder_prompt(options, config, prompt);
  rows_.push_back(std::move(row));
  const auto n_beams = static_cast<size_t>(options.beams);
  beams_.assign(n_beams, {0, kDead});
  beams_.front().score = 0;
  ended_.resize(n_beams);
  for (Ended& place : ended_) place.score = kDead;
}

std::vector<WantedRow> BeamSession::wanted() {
  std::vector<WantedRow> wanted;
  if (finished_) return wanted;
  for (Row& row : rows_) wanted.push_back({&row.state, row.ids});
  return wanted;
}

// The best of the scores that the processors make of a row.
void BeamSession::read(int index, std::span<const float> logits, std::span<float> scratch,
                       const KernelTable& kernels) {
  Row& row = rows_[static_cast<size_t>(index)];
  const LogNorm norm = log_norm(kernels, logits);
  for (size_t i = 0; i < logits.size(); ++i) scratch[i] = norm.of(logits[i]);
  processors_.apply(kernels, row.ids, scratch);
  std::vector<Scored> best;
  top_k(kernels, scratch, static_cast<int>(n_extensions()), best);
  row.best.clear();
  for (const Scored& entry : best) {
    const float logprob = norm.of(logits[static_cast<size_t>(entry.index)]);
    const float score = std::isnan(entry.value) ? kLowest : entry.value;
    row.best.push_back({token_at(entry.index), score, logprob});
  }
}

// Where they only ban tokens, the order is that of the logits.
std::optional<Few> BeamSession::needs_few(int index, std::vector<Token>& banned) const {
  const bool few =
      processors_.only_ban(static_cast<int>(length_)) && n_extensions() <= kMostInserted;
  if (!few) return std::nullopt;
  processors_.list_banned(rows_[static_cast<size_t>(index)].ids, banned);
  return Few{.n = static_cast<int>(n_extensions()), .norm = true};
}

void BeamSession::read_few(int index, std::span<const Scored> best, const LogNorm& norm) {
  Row& row = rows_[static_cast<size_t>(index)];
  row.best.clear();
  for (const Scored& entry : best) {
    const float logprob = norm.of(entry.value);
    const float score = std::isnan(logprob) ? kLowest : logprob;
    row.best.push_back({token_at(entry.index), score, logprob});
  }
}

// What a stable sort of all continuations begins with. Those of a beam are in order, so the next
// one is the best of the first ones that the beams have left.
std::vector<BeamSession::Extension> BeamSession::best_extensions() const {
  struct Front {
    float score;
    size_t beam;
    size_t index;  // among the beam's
  };
  const auto comes_later = [](const Front& a, const Front& b) {
    return a.score != b.score ? a.score < b.score : a.beam > b.beam;
  };
  const auto best_of = [&](size_t beam) -> const std::vector<Continuation>& {
    return rows_[static_cast<size_t>(beams_[beam].row)].best;
  };
  std::vector<Front> fronts;
  const auto push = [&](size_t beam, size_t index) {
    if (index == best_of(beam).size()) return;
    fronts.push_back({best_of(beam)[index].score + beams_[beam].score, beam, index});
    std::ranges::push_heap(fronts, comes_later);
  };
  for (size_t beam = 0; beam < beams_.size(); ++beam) push(beam, 0);
  std::vector<Extension> best;
  while (!fronts.empty() && best.size() < n_extensions()) {
    std::ranges::pop_heap(fronts, comes_later);
    const Front front = fronts.back();
    fronts.pop_back();
    best.push_back({beams_[front.beam].row, best_of(front.beam)[front.index], front.score, false});
    push(front.beam, front.index + 1);
  }
  for (Extension& extension : best) extension.ends = is_end(extension);
  return best;
}

bool BeamSession::is_end(const Extension& extension) const {
  if (length_ + 1 >= limit_) return true;
  const Token token = extension.next.token;
  if (std::ranges::find(options_.eos, token) != options_.eos.end()) return true;
  if (!options_.stops) return false;
  const std::vector<Token>& ids = rows_[static_cast<size_t>(extension.row)].ids;
  std::vector<Token> generated(ids.begin() + static_cast<std::ptrdiff_t>(prompt_length_),
                               ids.end());
  generated.push_back(token);
  return ends(options_, generated);
}

BeamSession::Ended BeamSession::end(const Row& row) const {
  Ended ended;
  ended.ids.assign(row.ids.begin() + static_cast<std::ptrdiff_t>(prompt_length_), row.ids.end());
  ended.logprobs = row.logprobs;
  ended.real = true;
  return ended;
}

void BeamSession::finish_some(const std::vector<Extension>& extensions) {
  const size_t n_beams = beams_.size();
  const float divisor = length_divisor(length_ + 1 - prompt_length_);
  for (size_t i = 0; i < std::min(n_beams, extensions.size()); ++i) {
    const Extension& extension = extensions[i];
    if (!extension.ends) continue;
    Ended ended = end(rows_[static_cast<size_t>(extension.row)]);
    ended.ids.push_back(extension.next.token);
    ended.logprobs.push_back(extension.next.logprob);
    ended.score = extension.score / divisor;
    ended_.push_back(std::move(ended));
  }
  std::ranges::stable_sort(ended_, std::ranges::greater(), &Ended::score);
  ended_.resize(n_beams);
}

void BeamSession::run_on(const std::vector<Extension>& extensions) {
  std::vector<Extension> next = extensions;
  for (Extension& extension : next) {
    if (extension.ends) extension.score += kDead;
  }
  std::ranges::stable_sort(next, std::ranges::greater(), &Extension::score);
  if (next.size() > beams_.size()) next.resize(beams_.size());

  std::vector<int> children(rows_.size(), 0);
  std::vector<int> row_of(next.size(), -1);  // -1: a new row; else the row of an equal beam
  for (size_t i = 0; i < next.size(); ++i) {
    for (size_t j = 0; j < i && row_of[i] < 0; ++j) {
      const bool same = next[j].row == next[i].row && next[j].next.token == next[i].next.token;
      if (same) row_of[i] = static_cast<int>(j);
    }
    if (row_of[i] < 0) ++children[static_cast<size_t>(next[i].row)];
  }

  std::vector<Row> rows;
  std::vector<Beam> beams;
  for (size_t i = 0; i < next.size(); ++i) {
    if (row_of[i] >= 0) {
      beams.push_back({beams[static_cast<size_t>(row_of[i])].row, next[i].score});
      continue;
    }
    Row& parent = rows_[static_cast<size_t>(next[i].row)];
    const bool last = --children[static_cast<size_t>(next[i].row)] == 0;
    Row row;
    row.state = last ? std::move(parent.state) : parent.state.fork();
    row.ids = parent.ids;
    row.ids.push_back(next[i].next.token);
    row.logprobs = parent.logprobs;
    row.logprobs.push_back(next[i].next.logprob);
    if (watched_ != nullptr && !next[i].ends) tell_running(next[i], rows.size());
    beams.push_back({static_cast<int>(rows.size()), next[i].score});
    rows.push_back(std::move(row));
  }
  rows_ = std::move(rows);
  beams_ = std::move(beams);
}

void BeamSession::tell_weighed(const std::vector<Extension>& extensions) const {
  watched_->clear();
  for (size_t i = 0; i < extensions.size(); ++i) {
    const Extension& e = extensions[i];
    if (e.score < kDead / 2) continue;  // continues a place that nothing fills yet
    const Fate fate = e.ends && i < beams_.size() ? Fate::ended : Fate::dropped;
    watched_->push_back({e.row, -1, e.next.token, e.next.logprob, e.score, fate});
  }
}

void BeamSession::tell_running(const Extension& extension, size_t child) const {
  for (Weighed& weighed : *watched_) {
    if (weighed.parent != extension.row || weighed.token != extension.next.token) continue;
    weighed.child = static_cast<int>(child);
    weighed.fate = Fate::running;
  }
}

bool BeamSession::can_improve() const {
  const bool at_limit =
      options_.early_stopping == EarlyStopping::never && options_.length_penalty > 0;
  const size_t length = (at_limit ? limit_ : length_) - prompt_length_;
  const float best_possible = beams_.front().score / length_divisor(length);
  return best_possible > ended_.back().score;  // an empty place scores kDead
}

void BeamSession::advance() {
  const std::vector<Extension> extensions = best_extensions();
  const bool stuck = std::ranges::all_of(extensions, &Extension::ends);
  if (watched_ != nullptr) tell_weighed(extensions);
  finish_some(extensions);
  const bool full = std::ranges::all_of(ended_, &Ended::real);
  run_on(extensions);
  ++length_;
  finished_ = stuck || (full && options_.early_stopping == EarlyStopping::yes) || !can_improve();
  if (!finished_) return;
  if (!ended_.front().real) {  // everything was banned: give what there is
    const Beam& best = beams_.front();
    ended_.front() = end(rows_[static_cast<size_t>(best.row)]);
    ended_.front().score = best.score;
  }
  rows_.clear();
  beams_.clear();
}

std::vector<Hypothesis> BeamSession::take_results() {
  std::vector<Hypothesis> results;
  for (Ended& ended : ended_) {
    // The reference fills missing hypotheses with copies scored about -1e9; they are left out.
    const bool filler = !ended.real || (!results.empty() && ended.score < kDead / 1e3F);
    if (filler || results.size() == static_cast<size_t>(options_.n_best)) continue;
    Hypothesis hypothesis;
    hypothesis.finish = finish_of(options_, ended.ids);
    hypothesis.ids = std::move(ended.ids);
    hypothesis.token_logprobs = std::move(ended.logprobs);
    hypothesis.logprob = sum_logprobs(hypothesis.token_logprobs);
    hypothesis.score = static_cast<double>(ended.score);
    results.push_back(std::move(hypothesis));
  }
  return results;
}

size_t BeamSession::n_extensions() const {
  return std::max<size_t>(2, 1 + options_.eos.size()) * static_cast<size_t>(options_.beams);
}

float BeamSession::length_divisor(size_t generated) const {
  return static_cast<float>(std::pow(static_cast<double>(generated), options_.length_penalty));
}

}  // namespace transept
