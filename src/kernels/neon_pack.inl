// Packing with 4x4 transposes. Included inside an unnamed namespace.
void pack_f32(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
              int panel_end) {
  const auto columns = static_cast<size_t>(k);
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    float* out = packed + static_cast<size_t>(panel) * columns * kLanes;
    for (int part = 0; part < kLanes; part += 4) {
      const int row = panel * kLanes + part;
      const float* in = source + static_cast<size_t>(row) * ld;
      size_t column = 0;
      for (; row + 4 <= n && column + 4 <= columns; column += 4) {
        // vst4 writes lane by lane of four vectors; read as a 4x4 block it is the transpose.
        float block[16];
        vst4q_f32(block, float32x4x4_t{{vld1q_f32(in + column), vld1q_f32(in + ld + column),
                                        vld1q_f32(in + 2 * ld + column),
                                        vld1q_f32(in + 3 * ld + column)}});
        for (size_t c = 0; c < 4; ++c)
          vst1q_f32(out + (column + c) * kLanes + part, vld1q_f32(block + 4 * c));
      }
      for (; column < columns; ++column)
        for (int r = 0; r < 4; ++r)
          out[column * kLanes + static_cast<size_t>(part + r)] =
              row + r < n ? in[static_cast<size_t>(r) * ld + column] : 0.0f;
    }
  }
}
