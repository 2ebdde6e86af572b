// One decoder pass for the rows that sessions want, and their logits handed to them.
#pragma once

#include <span>

#include "generate/session.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct StepRow {
  Session* session;
  int row;  // its number for session->read(), that of its first logits
  WantedRow wanted;
};

// All rows in one ragged batch; then every session's read(), in parallel. Rows of sessions that
// share a Memory should be neighbours, so that it is read once. The caller advances the sessions.
void run_step(Context& c, const Transformer& model, std::span<const StepRow> rows);

// The wanted rows of one session.
[[nodiscard]] std::vector<StepRow> step_rows(Session& session);

}  // namespace transept
