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

// Rows that are read alike, and where their hidden states are.
struct Part {
  std::vector<StepRow> rows;
  std::vector<int32_t> last;
  std::vector<int> n_best;
  std::vector<Banned> banned;  // in order when they are read

  void add(const StepRow& row, int32_t hidden_row) {
    rows.push_back(row);
    last.push_back(hidden_row);
  }
};

// Rows that choose from the same outputs of the model.
struct Group {
  const OutputSubset* outputs = nullptr;
  Part whole;  // whose logits are read,
  Part few;    // of which only the largest are,
  Part one;    // and only the largest one, without what makes it a probability

  // The row's logits number `row.row`, which the hidden state `hidden_row` gives.
  void add(const StepRow& row, int32_t hidden_row, int n_outputs, bool observed) {
    std::vector<Token> tokens;
    const std::optional<Few> needed = row.session->needs_few(row.row, tokens);
    // An observer is shown all logits.
    if (!needed || observed) return whole.add(row, hidden_row);
    Part& part = needed->n == 1 && !needed->norm ? one : few;
    for (const Token token : tokens) {
      const int32_t index = outputs == nullptr ? token : outputs->find(token).value_or(-1);
      const bool known = index >= 0 && index < n_outputs;  // sources have other vocabularies
      if (known) part.banned.push_back({index, static_cast<int>(part.rows.size())});
    }
    part.add(row, hidden_row);
    part.n_best.push_back(needed->n);
  }
};

std::vector<Group> group_rows(const Context& c, std::span<const StepRow> rows,
                              const Decoded& decoded, const Transformer& model) {
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
      groups[found->second].add(row, decoded.last[i] - (n_logits - 1 - j), model.head.output->rows,
                                c.observer != nullptr);
    }
  }
  return groups;
}

void read_whole(Context& c, const Transformer& model, const OutputSubset* outputs, const Part& part,
                ConstTensor hidden) {
  for (size_t begin = 0; begin < part.rows.size(); begin += kLogitRows) {
    c.pause();
    const size_t n = std::min(kLogitRows, part.rows.size() - begin);
    const Arena::Frame chunk(c.arena);
    const Tensor last = gather_rows(c, hidden, std::span(part.last).subspan(begin, n));
    read_rows(c, std::span(part.rows).subspan(begin, n), logits(c, model, last, outputs));
  }
}

// find(hidden states of the part) -> per row its largest logits.
template <class Find>
void read_few(Context& c, Part& part, ConstTensor hidden, Find&& find) {
  if (part.rows.empty()) return;
  const Arena::Frame frame(c.arena);
  std::ranges::sort(part.banned);
  const std::vector<TopOutputs> top = find(gather_rows(c, hidden, part.last));
  for (size_t i = 0; i < part.rows.size(); ++i) {
    part.rows[i].session->read_few(part.rows[i].row, top[i].best, top[i].norm);
  }
}

void read_group(Context& c, const Transformer& model, Group& group, ConstTensor hidden) {
  read_whole(c, model, group.outputs, group.whole, hidden);
  read_few(c, group.few, hidden, [&](ConstTensor last) {
    return top_tokens(c, model, last, group.few.n_best, group.few.banned, group.outputs);
  });
  read_few(c, group.one, hidden, [&](ConstTensor last) {
    std::vector<TopOutputs> top;
    for (const Scored& best : best_tokens(c, model, last, group.one.banned, group.outputs)) {
      top.push_back({{best}, {}});
    }
    return top;
  });
}

}  // namespace

void run_step(Context& c, const Transformer& model, std::span<const StepRow> rows) {
  if (rows.empty()) return;
  const Arena::Frame frame(c.arena);
  const Decoded decoded = decode_rows(c, model, rows);
  for (Group& group : group_rows(c, rows, decoded, model)) {
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
