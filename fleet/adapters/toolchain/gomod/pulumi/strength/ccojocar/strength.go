// Package zxcvbn stands in for github.com/ccojocar/zxcvbn-go, whose dictionaries take most of the time that Pulumi
// needs to start.
//
// Pulumi asks it one thing: whether a value that a person sets as plain text looks like a secret.
package zxcvbn

import (
	"math"
	"unicode"
)

// Strength says how hard a text is to guess.
type Strength struct {
	// Entropy in bits.
	Entropy float64
}

// PasswordStrength returns the entropy of a random text of this length from the same alphabet. The original starts
// from this number and lowers it for words that it knows; so whatever it takes for a secret, this one does too.
func PasswordStrength(password string, _ []string) Strength {
	var lower, upper, digits, symbols float64
	for _, char := range password {
		switch {
		case unicode.IsLower(char):
			lower = 26
		case unicode.IsUpper(char):
			upper = 26
		case unicode.IsDigit(char):
			digits = 10
		default:
			symbols = 33
		}
	}
	if password == "" {
		return Strength{}
	}
	return Strength{Entropy: float64(len(password)) * math.Log2(lower+upper+digits+symbols)}
}
