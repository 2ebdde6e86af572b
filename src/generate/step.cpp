#include "generate/step.h"

#include <algorithm>
#include <unordered_map>

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

// Rows that choose from the same outputs of the model.
struct Group {
  const OutputSubset* outputs = nullptr;
  std::vector<StepRow> whole;       // rows whose logits are read,
  std::vector<int32_t> whole_last;  // and where their hidden states are
  std::vector<StepRow> best;        // rows of which only the likeliest token is
  std::vector<int32_t> best_last;
  std::vector<Banned> banned;  // of best

  // The row's logits number `row.row`, which the hidden state `last` gives.
  void add(const StepRow& row, int32_t last, int n_outputs) {
    std::vector<Token> tokens;
    if (!row.session->needs_only_best(row.row, tokens)) {
      whole.push_back(row);
      whole_last.push_back(last);
      return;
    }
    for (const Token token : tokens) {
      const int32_t index = outputs == nullptr ? token : outputs->find(token).value_or(-1);
      const bool known = index >= 0 && index < n_outputs;  // sources have other vocabularies
      if (known) banned.push_back({index, static_cast<int>(best.size())});
    }
    best.push_back(row);
    best_last.push_back(last);
  }
};

std::vector<Group> group_rows(std::span<const StepRow> rows, const Decoded& decoded,
                              const Transformer& model) {
  std::vector<Group> groups;
  std::unordered_map<const OutputSubset*, size_t> group_of;
  for (size_t i = 0; i < rows.size(); ++i) {
    const OutputSubset* outputs = rows[i].session->outputs();
    const auto [found, added] = group_of.try_emplace(outputs, groups.size());
    if (added) groups.emplace_back().outputs = outputs;
    const int n_logits = rows[i].wanted.n_logits;
    for (int j = 0; j < n_logits; ++j) {
      StepRow row = rows[i];
      row.row += j;
      groups[found->second].add(row, decoded.last[i] - (n_logits - 1 - j), model.head.output->rows);
    }
  }
  return groups;
}

void read_group(Context& c, const Transformer& model, Group& group, ConstTensor hidden) {
  for (size_t begin = 0; begin < group.whole.size(); begin += kLogitRows) {
    const size_t n = std::min(kLogitRows, group.whole.size() - begin);
    const Arena::Frame chunk(c.arena);
    const Tensor last = gather_rows(c, hidden, std::span(group.whole_last).subspan(begin, n));
    const Tensor table = logits(c, model, last, group.outputs);  // [≤ 64, vocab]
    read_rows(c, std::span(group.whole).subspan(begin, n), table);
  }
  if (group.best.empty()) return;
  std::ranges::sort(group.banned);
  const Arena::Frame frame(c.arena);
  const Tensor last = gather_rows(c, hidden, group.best_last);
  const std::vector<Scored> found = best_tokens(c, model, last, group.banned, group.outputs);
  for (size_t i = 0; i < group.best.size(); ++i) {
    group.best[i].session->read_best(group.best[i].row, found[i].index);
  }
}

}  // namespace

void run_step(Context& c, const Transformer& model, std::span<const StepRow> rows) {
  if (rows.empty()) return;
  const Arena::Frame frame(c.arena);
  const Decoded decoded = decode_rows(c, model, rows);
  for (Group& group : group_rows(rows, decoded, model)) {
    read_group(c, model, group, decoded.hidden);
  }
}

std::vector<StepRow> step_rows(Session& session) {
  std::vector<StepRow> rows;
  int row = 0;
  for (const WantedRow& wanted : session.wanted()) {
    rows.push_back({&session, row, wanted});
    row += wanted.n_logits;
  }
  return rows;
}

}  // namespace transept
