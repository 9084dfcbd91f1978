#pragma once

#include <algorithm>

#include "kronwerk/communication/shared_array.hpp"

namespace kronwerk::communication {

/// Private, 64-byte aligned memory behind the same type.
SharedBytes private_bytes(std::size_t size);

template <typename T>
SharedArray<T> SharedArray<T>::from_private(std::span<const T> values) {
  SharedArray result;
  result.bytes_ = private_bytes(values.size() * sizeof(T));
  std::copy(values.begin(), values.end(), result.mutable_span().begin());
  return result;
}

}  // namespace kronwerk::communication
