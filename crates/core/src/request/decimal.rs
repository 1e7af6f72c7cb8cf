//! Floats in plain notation, such as `-0.4967141530112327`, read without a branch that their digits decide.

/// The most digits of a float that is read here: as many always fit 64 bits.
const MOST_DIGITS: usize = 19;

/// Powers of ten, shifted up to their highest bit, with what division by them needs.
const POWERS: [Power; MOST_DIGITS] = {
    let mut powers = [Power { divisor: 0, shift: 0, reciprocal: 0 }; MOST_DIGITS];
    let (mut power, mut exponent) = (1_u64, 0);
    while exponent < MOST_DIGITS {
        let shift = power.leading_zeros();
        let divisor = power << shift;
        let reciprocal = (u128::MAX / divisor as u128 - (1 << 64)) as u64;
        powers[exponent] = Power { divisor, shift, reciprocal };
        if exponent + 1 < MOST_DIGITS {
            power *= 10;
        }
        exponent += 1;
    }
    powers
};

const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

#[derive(Clone, Copy)]
struct Power {
    divisor: u64,
    shift: u32,
    reciprocal: u64,
}

/// The float that `bytes` begin with, and its length. `None` for other numbers and other text, for more than 19
/// digits, and where fewer than 8 bytes follow.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<(f64, usize)> {
    let is_negative = bytes.first() == Some(&b'-');
    let begin = usize::from(is_negative);
    let mut at = begin;
    let mut digits = 0_u64;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        if at - begin >= MOST_DIGITS - 1 {
            return None;
        }
        digits = digits * 10 + u64::from(digit);
        at += 1;
    }
    let n_whole = at - begin;
    let has_zeros = n_whole > 1 && bytes.get(begin) == Some(&b'0');
    if n_whole == 0 || has_zeros || bytes.get(at) != Some(&b'.') {
        return None;
    }
    at += 1;
    let fraction = at;
    loop {
        let chunk = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        let n = leading_digits(chunk);
        if n_whole + (at - fraction) + n > MOST_DIGITS {
            return None;
        }
        digits = digits * TENS[n] + eight_digits(chunk, n);
        at += n;
        if n < 8 {
            break;
        }
    }
    if at == fraction || matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let value = divided(digits, at - fraction);
    Some((f64::from_bits(value.to_bits() | u64::from(is_negative) << 63), at))
}

/// How many of the eight bytes, from the first on, are digits.
#[inline]
fn leading_digits(chunk: u64) -> usize {
    let above = chunk.wrapping_add(0x4646_4646_4646_4646);
    let below = chunk.wrapping_sub(0x3030_3030_3030_3030);
    // A byte that is none may carry into later ones, which do not matter then.
    (((above | below) & 0x8080_8080_8080_8080).trailing_zeros() / 8) as usize
}

/// The number that the first `n` of eight bytes are the digits of.
#[inline]
fn eight_digits(chunk: u64, n: usize) -> u64 {
    const LOW: u64 = 0x0000_00FF_0000_00FF;
    let digits = chunk.wrapping_sub(0x3030_3030_3030_3030);
    let digits = digits.checked_shl(64 - 8 * n as u32).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & LOW).wrapping_mul(100 + (1_000_000 << 32));
    let high = ((pairs >> 16) & LOW).wrapping_mul(1 + (10_000 << 32));
    low.wrapping_add(high) >> 32
}

/// `digits` / 10^`exponent`, rounded to nearest, ties to even.
///
/// The quotient has at least 61 bits here, and a last one that says whether there is a remainder, so that rounding it to
/// 53 bits rounds the whole. Division is by a reciprocal: N. Möller and T. Granlund, Improved division by invariant
/// integers, IEEE Transactions on Computers, 2011, algorithm 4.
#[inline]
fn divided(digits: u64, exponent: usize) -> f64 {
    if digits == 0 {
        return 0.0;
    }
    let Power { divisor, shift, reciprocal } = POWERS[exponent];
    let up = digits.leading_zeros();
    let numerator = digits << up;
    // numerator · 2^63, whose upper half is below the divisor.
    let (high, low) = (numerator >> 1, numerator << 63);
    let product = u128::from(reciprocal) * u128::from(high) + (u128::from(high) << 64 | u128::from(low));
    let mut quotient = ((product >> 64) as u64).wrapping_add(1);
    let mut remainder = low.wrapping_sub(quotient.wrapping_mul(divisor));
    // Half of all quotients are too great by one.
    let excess = u64::from(remainder > product as u64);
    quotient = quotient.wrapping_sub(excess);
    remainder = remainder.wrapping_add(divisor & excess.wrapping_neg());
    if remainder >= divisor {
        quotient = quotient.wrapping_add(1);
        remainder -= divisor;
    }
    let rounded = (quotient >> 1 | quotient & 1 | u64::from(remainder != 0)) as i64 as f64;
    let scale = 1023 - 62 + u64::from(shift) - u64::from(up);
    rounded * f64::from_bits(scale << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(text: &str) -> Result<bool, TestCaseError> {
        let padded = format!("{text},       ");
        let Some((value, len)) = read(padded.as_bytes()) else { return Ok(false) };
        let expected: f64 = text.parse().map_err(|_| TestCaseError::fail(text.to_owned()))?;
        prop_assert_eq!((value.to_bits(), len), (expected.to_bits(), text.len()), "{}", text);
        Ok(true)
    }

    #[test]
    fn ordinary_floats_are_read_and_others_left() {
        for text in
            ["0.5", "-0.0", "12.25", "0.4967141530112327", "-1234567890123456.789", "0.000000000000000001"]
        {
            assert!(compare(text).expect(text), "{text}");
        }
        for text in [
            "",
            "-",
            "1",
            "01.5",
            ".5",
            "1.",
            "1.e5",
            "1.5e3",
            "1.5E3",
            "nan",
            "0.12345678901234567890",
            "+1.5",
        ] {
            assert_eq!(read(format!("{text},       ").as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"1.5,"), None, "too near to the end");
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        // Halfway between two floats, and the numbers beside it.
        for text in ["9007199254740993.0", "9007199254740993.01", "9007199254740992.99", "4503599627370497.5"]
        {
            assert!(compare(text).expect(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_digits(text in "-?(0|[1-9][0-9]{0,17})\\.[0-9]{1,18}") {
            compare(&text)?;
        }

        #[test]
        fn any_float(value in -1e6..1e6_f64) {
            compare(&value.to_string())?;
        }
    }
}
