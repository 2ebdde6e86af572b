#include "generate/step.h"

#include <algorithm>

#include "model/decoder.h"

namespace transept {
namespace {

// Logits are made for this many rows at a time, which bounds the scratch (64 rows of a vocabulary
// of 65,001 are 16 MiB) and is enough for full speed.
constexpr int kLogitRows = 64;

Tensor decode_rows(Context& c, const Transformer& model, std::span<const StepRow> rows) {
  Batch batch;
  std::vector<Token> tokens;
  std::vector<const Memory*> memories;
  std::vector<DecodeState*> states;
  for (const StepRow& row : rows) {
    const std::span<const Token> new_ids = row.wanted.new_ids();
    batch.add(static_cast<int>(new_ids.size()), row.wanted.state->length());
    tokens.insert(tokens.end(), new_ids.begin(), new_ids.end());
    memories.push_back(&row.session->memory());
    states.push_back(row.wanted.state);
  }
  const Tensor hidden = decode(c, model, batch, tokens, memories, states);  // [rows, d_model]
  Tensor last = c.arena.tensor(static_cast<int>(rows.size()), hidden.cols);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(hidden.row(batch.sequences[i].end - 1), hidden.cols, last.row(static_cast<int>(i)));
  }
  return last;
}

void read_rows(Context& c, std::span<const StepRow> rows, ConstTensor logits) {
  const bool scratch_wanted =
      std::ranges::any_of(rows, [](const StepRow& row) { return row.session->needs_scratch(); });
  const Tensor scratch =
      scratch_wanted ? c.arena.tensor(logits.rows, logits.cols) : Tensor{};  // as logits
  c.pool.parallel_for(static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const StepRow& row = rows[static_cast<size_t>(i)];
      const auto vocab = static_cast<size_t>(logits.cols);
      const std::span<const float> own(logits.row(static_cast<int>(i)), vocab);
      std::span<float> own_scratch;
      if (scratch_wanted) own_scratch = {scratch.row(static_cast<int>(i)), vocab};
      row.session->read(row.row, own, own_scratch, c.kernels);
    }
  });
}

}  // namespace

void run_step(Context& c, const Transformer& model, std::span<const StepRow> rows) {
  if (rows.empty()) return;
  const Arena::Frame frame(c.arena);
  const Tensor hidden = decode_rows(c, model, rows);
  std::vector<StepRow> whole;  // rows whose logits are read
  std::vector<StepRow> best;   // rows of which only the likeliest token is
  const Tensor ordered = c.arena.tensor(hidden.rows, hidden.cols);  // the former, then the latter
  for (const bool only_best : {false, true}) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].session->needs_only_best() != only_best) continue;
      const size_t place = whole.size() + best.size();
      std::copy_n(hidden.row(static_cast<int>(i)), hidden.cols,
                  ordered.row(static_cast<int>(place)));
      (only_best ? best : whole).push_back(rows[i]);
    }
  }
  const int n_whole = static_cast<int>(whole.size());
  for (int begin = 0; begin < n_whole; begin += kLogitRows) {
    const int end = std::min(begin + kLogitRows, n_whole);
    const Arena::Frame chunk(c.arena);
    const Tensor chunk_logits = logits(c, model, ordered.slice(begin, end));  // [≤ 64, vocab]
    read_rows(
        c, std::span(whole).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
        chunk_logits);
  }
  if (best.empty()) return;
  const std::vector<Scored> found = best_tokens(c, model, ordered.slice(n_whole, ordered.rows));
  for (size_t i = 0; i < best.size(); ++i) {
    best[i].session->read_best(best[i].row, found[i].index);
  }
}

std::vector<StepRow> step_rows(Session& session) {
  std::vector<StepRow> rows;
  for (const WantedRow& wanted : session.wanted()) {
    rows.push_back({&session, static_cast<int>(rows.size()), wanted});
  }
  return rows;
}

}  // namespace transept
