#pragma once

namespace kronwerk::core {

/// Mean radius of the Earth, km (Moritz 2000, "Geodetic Reference System 1980").
inline constexpr double earth_radius = 6371.0088;

}  // namespace kronwerk::core
