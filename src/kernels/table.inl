// Fills a table with the functions of the including file. Included last.
constexpr KernelTable table_named(const char* name) {
  return {.name = name,
          .gemm_f32 = gemm_f32,
          .pack_f32 = pack_f32,
          .layer_norm = layer_norm,
          .rms_norm = rms_norm,
          .softmax = softmax,
          .log_sum_exp = log_sum_exp,
          .activate = activate,
          .activate_gated = activate_gated,
          .add = add,
          .scale = scale,
          .scale_add = scale_add,
          .spin_fma = spin_fma,
          .read_all = read_all};
}
