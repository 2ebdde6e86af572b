#include "generate/step.h"

#include <algorithm>

#include "model/decoder.h"
#include "ops/embed.h"

namespace transept {
namespace {

// Logits are made for this many rows at a time, which bounds the scratch (64 rows of a vocabulary
// of 65,001 are 16 MiB) and is enough for full speed.
constexpr size_t kLogitRows = 64;

// The decoder's hidden states, and which of them belongs to the last token of each row.
struct Decoded {
  Tensor hidden;
  std::vector<int32_t> last;
};

Decoded decode_rows(Context& c, const Transformer& model, std::span<const StepRow> rows) {
  Batch batch;
  std::vector<Token> tokens;
  std::vector<const Memory*> memories;
  std::vector<DecodeState*> states;
  Decoded decoded;
  for (const StepRow& row : rows) {
    const std::span<const Token> new_ids = row.wanted.new_ids();
    batch.add(static_cast<int>(new_ids.size()), row.wanted.state->length());
    tokens.insert(tokens.end(), new_ids.begin(), new_ids.end());
    memories.push_back(&row.session->memory());
    states.push_back(row.wanted.state);
    decoded.last.push_back(batch.rows() - 1);
  }
  decoded.hidden = decode(c, model, batch, tokens, memories, states);  // [batch.rows(), d_model]
  return decoded;
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
  const Decoded decoded = decode_rows(c, model, rows);
  std::vector<StepRow> whole;  // rows whose logits are read
  std::vector<StepRow> best;   // rows of which only the likeliest token is
  std::vector<int32_t> whole_last;
  std::vector<int32_t> best_last;
  std::vector<Banned> banned;
  std::vector<Token> tokens;
  for (size_t i = 0; i < rows.size(); ++i) {
    tokens.clear();
    const bool only_best = rows[i].session->needs_only_best(rows[i].row, tokens);
    for (const Token token : tokens) {  // sources have other vocabularies
      const bool known = token >= 0 && token < model.head.output->rows;
      if (known) banned.push_back({token, static_cast<int>(best.size())});
    }
    (only_best ? best : whole).push_back(rows[i]);
    (only_best ? best_last : whole_last).push_back(decoded.last[i]);
  }
  for (size_t begin = 0; begin < whole.size(); begin += kLogitRows) {
    const size_t n = std::min(kLogitRows, whole.size() - begin);
    const Arena::Frame chunk(c.arena);
    const Tensor hidden = gather_rows(c, decoded.hidden, std::span(whole_last).subspan(begin, n));
    read_rows(c, std::span(whole).subspan(begin, n), logits(c, model, hidden));  // [≤ 64, vocab]
  }
  if (best.empty()) return;
  std::ranges::sort(banned);
  const std::vector<Scored> found =
      best_tokens(c, model, gather_rows(c, decoded.hidden, best_last), banned);
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
